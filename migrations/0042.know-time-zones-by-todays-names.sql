-- Zones of time that a server may not know (any more), under the names that are theirs today, and days that begin later
-- than at midnight.
--
-- What zones there are is the server's tzdata, which changes: names are retired, an upgrade or another server has
-- others. So a stored zone is never trusted: what applies one goes through local_clock().

-- Under which names a server may know a zone, the one to store first: the name of today, the one given, older ones, and
-- last a place whose clocks have shown the same since 1970. Facts of the IANA database (its file `backward`, of July
-- 2026), which PostgreSQL does not tell: pg_timezone_names has the names, and not which is another's. A name that is in
-- neither list is its own only name.
create function timezone_names(zone text) returns text[]
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    -- The name of today, and those it had.
    renamed constant text := '
        Africa/Abidjan Africa/Timbuktu
        Africa/Asmara Africa/Asmera
        Africa/Cairo Egypt
        Africa/Tripoli Libya
        America/Adak America/Atka US/Aleutian
        America/Anchorage US/Alaska
        America/Argentina/Buenos_Aires America/Buenos_Aires
        America/Argentina/Catamarca America/Argentina/ComodRivadavia America/Catamarca
        America/Argentina/Cordoba America/Cordoba America/Rosario
        America/Argentina/Jujuy America/Jujuy
        America/Argentina/Mendoza America/Mendoza
        America/Chicago CST6CDT US/Central
        America/Denver America/Shiprock MST7MDT Navajo US/Mountain
        America/Detroit US/Michigan
        America/Edmonton America/Yellowknife Canada/Mountain
        America/Halifax Canada/Atlantic
        America/Havana Cuba
        America/Indiana/Indianapolis America/Fort_Wayne America/Indianapolis US/East-Indiana
        America/Indiana/Knox America/Knox_IN US/Indiana-Starke
        America/Iqaluit America/Pangnirtung
        America/Jamaica Jamaica
        America/Kentucky/Louisville America/Louisville
        America/Los_Angeles PST8PDT US/Pacific US/Pacific-New
        America/Manaus Brazil/West
        America/Mazatlan Mexico/BajaSur
        America/Mexico_City Mexico/General
        America/New_York EST5EDT US/Eastern
        America/Noronha Brazil/DeNoronha
        America/Nuuk America/Godthab
        America/Panama America/Coral_Harbour EST
        America/Phoenix MST US/Arizona
        America/Regina Canada/East-Saskatchewan Canada/Saskatchewan
        America/Rio_Branco America/Porto_Acre Brazil/Acre
        America/Santiago Chile/Continental
        America/Sao_Paulo Brazil/East
        America/St_Johns Canada/Newfoundland
        America/St_Thomas America/Virgin
        America/Tijuana America/Ensenada America/Santa_Isabel Mexico/BajaNorte
        America/Toronto America/Montreal America/Nipigon America/Thunder_Bay Canada/Eastern
        America/Vancouver Canada/Pacific
        America/Whitehorse Canada/Yukon
        America/Winnipeg America/Rainy_River Canada/Central
        Asia/Ashgabat Asia/Ashkhabad
        Asia/Dhaka Asia/Dacca
        Asia/Ho_Chi_Minh Asia/Saigon
        Asia/Hong_Kong Hongkong
        Asia/Jerusalem Asia/Tel_Aviv Israel
        Asia/Kathmandu Asia/Katmandu
        Asia/Kolkata Asia/Calcutta
        Asia/Macau Asia/Macao
        Asia/Makassar Asia/Ujung_Pandang
        Asia/Nicosia Europe/Nicosia
        Asia/Seoul ROK
        Asia/Shanghai Asia/Chongqing Asia/Chungking Asia/Harbin PRC
        Asia/Singapore Singapore
        Asia/Taipei ROC
        Asia/Tehran Iran
        Asia/Thimphu Asia/Thimbu
        Asia/Tokyo Japan
        Asia/Ulaanbaatar Asia/Choibalsan Asia/Ulan_Bator
        Asia/Urumqi Asia/Kashgar
        Asia/Yangon Asia/Rangoon
        Atlantic/Faroe Atlantic/Faeroe
        Atlantic/Reykjavik Iceland
        Australia/Adelaide Australia/South
        Australia/Brisbane Australia/Queensland
        Australia/Broken_Hill Australia/Yancowinna
        Australia/Darwin Australia/North
        Australia/Hobart Australia/Currie Australia/Tasmania
        Australia/Lord_Howe Australia/LHI
        Australia/Melbourne Australia/Victoria
        Australia/Perth Australia/West
        Australia/Sydney Australia/ACT Australia/Canberra Australia/NSW
        Etc/GMT Etc/GMT+0 Etc/GMT-0 Etc/GMT0 Etc/Greenwich GMT GMT+0 GMT-0 GMT0 Greenwich
        Europe/Athens EET
        Europe/Berlin Atlantic/Jan_Mayen
        Europe/Brussels CET MET
        Europe/Chisinau Europe/Tiraspol
        Europe/Dublin Eire
        Europe/Istanbul Asia/Istanbul Turkey
        Europe/Kyiv Europe/Kiev Europe/Uzhgorod Europe/Zaporozhye
        Europe/Lisbon Portugal WET
        Europe/London Europe/Belfast GB GB-Eire
        Europe/Moscow W-SU
        Europe/Warsaw Poland
        Pacific/Auckland Antarctica/South_Pole NZ
        Pacific/Chatham NZ-CHAT
        Pacific/Chuuk Pacific/Truk
        Pacific/Easter Chile/EasterIsland
        Pacific/Honolulu HST Pacific/Johnston US/Hawaii
        Pacific/Kanton Pacific/Enderbury
        Pacific/Kwajalein Kwajalein
        Pacific/Pago_Pago Pacific/Samoa US/Samoa
        Pacific/Pohnpei Pacific/Ponape
        Pacific/Port_Moresby Pacific/Yap
        UTC Etc/UCT Etc/UTC Etc/Universal Etc/Zulu UCT Universal Zulu
    ';
    -- A place, and others that keep their names but have had its clocks.
    alike constant text := '
        Africa/Abidjan Africa/Accra Africa/Bamako Africa/Banjul Africa/Conakry Africa/Dakar Africa/Freetown
        Africa/Abidjan Africa/Lome Africa/Nouakchott Africa/Ouagadougou Atlantic/Reykjavik Atlantic/St_Helena
        Africa/Johannesburg Africa/Maseru Africa/Mbabane
        Africa/Lagos Africa/Bangui Africa/Brazzaville Africa/Douala Africa/Kinshasa Africa/Libreville Africa/Luanda
        Africa/Lagos Africa/Malabo Africa/Niamey Africa/Porto-Novo
        Africa/Maputo Africa/Blantyre Africa/Bujumbura Africa/Gaborone Africa/Harare Africa/Kigali Africa/Lubumbashi
        Africa/Maputo Africa/Lusaka
        Africa/Nairobi Africa/Addis_Ababa Africa/Asmara Africa/Dar_es_Salaam Africa/Djibouti Africa/Kampala
        Africa/Nairobi Africa/Mogadishu Indian/Antananarivo Indian/Comoro Indian/Mayotte
        America/Panama America/Atikokan America/Cayman
        America/Phoenix America/Creston
        America/Puerto_Rico America/Anguilla America/Antigua America/Aruba America/Blanc-Sablon America/Curacao
        America/Puerto_Rico America/Dominica America/Grenada America/Guadeloupe America/Kralendijk
        America/Puerto_Rico America/Lower_Princes America/Marigot America/Montserrat America/Port_of_Spain
        America/Puerto_Rico America/St_Barthelemy America/St_Kitts America/St_Lucia America/St_Thomas
        America/Puerto_Rico America/St_Vincent America/Tortola
        America/Toronto America/Nassau
        Asia/Bangkok Asia/Phnom_Penh Asia/Vientiane Indian/Christmas
        Asia/Dubai Asia/Muscat Indian/Mahe Indian/Reunion
        Asia/Kuching Asia/Brunei
        Asia/Qatar Asia/Bahrain
        Asia/Riyadh Antarctica/Syowa Asia/Aden Asia/Kuwait
        Asia/Singapore Asia/Kuala_Lumpur
        Asia/Yangon Indian/Cocos
        Europe/Belgrade Europe/Ljubljana Europe/Podgorica Europe/Sarajevo Europe/Skopje Europe/Zagreb
        Europe/Berlin Arctic/Longyearbyen Europe/Copenhagen Europe/Oslo Europe/Stockholm
        Europe/Brussels Europe/Amsterdam Europe/Luxembourg
        Europe/Helsinki Europe/Mariehamn
        Europe/London Europe/Guernsey Europe/Isle_of_Man Europe/Jersey
        Europe/Paris Europe/Monaco
        Europe/Prague Europe/Bratislava
        Europe/Rome Europe/San_Marino Europe/Vatican
        Europe/Zurich Europe/Busingen Europe/Vaduz
        Indian/Maldives Indian/Kerguelen
        Pacific/Auckland Antarctica/McMurdo
        Pacific/Guadalcanal Pacific/Pohnpei
        Pacific/Guam Pacific/Saipan
        Pacific/Pago_Pago Pacific/Midway
        Pacific/Port_Moresby Antarctica/DumontDUrville Pacific/Chuuk
        Pacific/Tarawa Pacific/Funafuti Pacific/Majuro Pacific/Wake Pacific/Wallis
    ';
    -- PostgreSQL takes a name in any case. Some systems have each zone twice more, below these.
    wanted constant text := regexp_replace(lower(zone), '^(posix|right)/', '');
    given constant text := regexp_replace(zone, '^(posix|right)/', '', 'i');
    lines text[];
    current_name text;
begin
    lines := array(
        select btrim(line)
        from regexp_split_to_table(renamed, '\n') as line
        where wanted = any(string_to_array(lower(btrim(line)), ' '))
    );
    current_name := coalesce(split_part(lines[1], ' ', 1), given);
    return array[current_name, given]
        || coalesce(string_to_array(array_to_string(lines, ' '), ' '), '{}')
        || array(
            select split_part(btrim(line), ' ', 1)
            from regexp_split_to_table(alike, '\n') as line
            where lower(current_name) = any(string_to_array(lower(btrim(line)), ' '))
        );
end
$$;

-- The name to store for a zone, written in any case, of those that this server knows. Null for what is no zone: what
-- PostgreSQL takes beside the names of the IANA database, abbreviations and POSIX rules such as 'FOO3', knows no
-- daylight-saving time. Reading all of pg_timezone_names takes long, hence the short cut for UTC.
create function canonical_timezone(zone text) returns text
language plpgsql stable strict
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if zone = 'UTC' then
        return zone;
    end if;
    return (
        select pg_timezone_names.name
        from unnest(timezone_names(zone)) with ordinality as candidate (name, place)
        inner join pg_timezone_names on lower(pg_timezone_names.name) = lower(candidate.name)
        where pg_timezone_names.name not in ('Factory', 'localtime', 'posixrules')
        order by candidate.place
        limit 1
    );
end
$$;

-- Not parallel safe: before version 17 a worker cannot begin the subtransaction of an exception block. `immutable`, as
-- PostgreSQL calls its own timezone(), which this wraps.
--
-- What a learner's clock shows, as long before or after midnight as their day has begun: its date is their day. It is
-- the time of their zone less the hours by which their day begins later, both on the clock on the wall, so that a day
-- begins at the same hour however long it is. A zone that the server does not know is UTC, rather than the end of all
-- that this learner can do: see doctor/time_zone.
create function local_clock(moment timestamptz, zone text, day_starts_at integer) returns timestamp
language plpgsql immutable
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if zone is null or zone = 'UTC' then
        return timezone('UTC', moment) - day_starts_at * interval '1 hour';
    end if;
    begin
        return timezone(zone, moment) - day_starts_at * interval '1 hour';
    exception
        when invalid_parameter_value then
            return timezone('UTC', moment) - day_starts_at * interval '1 hour';
    end;
end
$$;

alter table user_profiles add column day_starts_at integer not null default 0
constraint user_profiles_day_starts_at_range check (day_starts_at between 0 and 12);

create or replace function refuse_unknown_timezone() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    given constant text := new.timezone;
begin
    -- What was known once and is no more stays, so that the rest of the profile can be changed.
    if tg_op = 'UPDATE' and new.timezone is not distinct from old.timezone then
        return new;
    end if;
    new.timezone := canonical_timezone(given);
    if new.timezone is null and given is not null then
        raise exception 'unknown time zone "%"', given
            using errcode = 'check_violation', constraint = 'user_profiles_timezone_known', column = 'timezone',
            hint = 'Use a name of the IANA database, such as Europe/Lisbon.';
    end if;
    return new;
end
$$;

-- Nothing but the trigger called it.
-- squawk-ignore ban-drop-function
drop function is_iana_timezone(text);

-- Those that are stored, each looked up once. What no server knows stays for the doctor to name.
update user_profiles
set timezone = known.name
from (
    select
        stored.zone,
        canonical_timezone(stored.zone) as name
    from (
        select distinct user_profiles.timezone as zone
        from user_profiles
        where user_profiles.timezone <> 'UTC'
    ) as stored
) as known
where
    user_profiles.timezone = known.zone
    and user_profiles.timezone <> known.name;

grant execute on function
timezone_names(text),
canonical_timezone(text),
local_clock(timestamptz, text, integer)
to app_user;

grant update (day_starts_at) on user_profiles to app_user;

call audit_table(
    'user_profiles', 'user_id', 'user_id',
    '{total_xp, current_level, current_streak, max_streak, last_activity_at, last_activity_on, skills_completed,
    hours_learned, trees_started, trees_completed}'
);
