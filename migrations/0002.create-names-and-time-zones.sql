-- The names of accounts and of time zones. A name can be written in many ways. The schema compares or stores one form.

-- Two user names or addresses that look the same count as equal, whatever their case, their Unicode form, their spaces
-- and their invisible characters. They are compared by a folded form, which depends only on the text. The locale of the
-- database does not matter: the C locale has no case for É, and the Turkish one has a different I. Nor does its
-- version, so unique indexes stay correct after an upgrade of the operating system.
--
-- The functions are generated, because their lists of characters are built from ranges.
do $create_name_functions$
declare
    -- Control characters, characters without width, marks that change the direction of writing, fillers, tags, and
    -- characters that no font shows.
    hidden constant text := '\u0001-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B'
    || '\u200E\u200F\u2028-\u202E\u2060-\u206F\u2800\u3164\uE000-\uF8FF\uFDD0-\uFDEF\uFE00-\uFE0D\uFEFF\uFFA0'
    || '\uFFF0-\uFFFC\uFFFE\uFFFF\U00013430-\U0001343F\U0001BCA0-\U0001BCA3\U0001D159\U0001D173-\U0001D17A'
    || '\U000E0000-\U000E0FFF\U000F0000-\U0010FFFF';
    -- Joiners and selectors, which some scripts and emoji need. A name that is only displayed may contain them.
    joiners constant text := '\u200C\u200D\uFE0E\uFE0F';
    other_spaces constant text := '\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000';
    -- Letters that differ from another letter only in case: first, last, step, and the distance to the other letter.
    -- This is Unicode's case mapping for letters that NFKD does not decompose. ı and i are equal, because both have the
    -- capital I.
    letters constant integer[] :=
        '{{65,90,1,32},{198,198,1,32},{208,208,1,32},{216,216,1,32},{222,222,1,32},{272,272,1,1},{294,294,1,1},
        {305,305,1,-200},{321,321,1,1},{330,330,1,1},{338,338,1,1},{358,358,1,1},{385,385,1,210},{386,388,2,1},
        {390,390,1,206},{391,391,1,1},{393,394,1,205},{395,395,1,1},{398,398,1,79},{399,399,1,202},{400,400,1,203},
        {401,401,1,1},{403,403,1,205},{404,404,1,207},{406,406,1,211},{407,407,1,209},{408,408,1,1},{412,412,1,211},
        {413,413,1,213},{415,415,1,214},{418,420,2,1},{422,422,1,218},{423,423,1,1},{425,425,1,218},{428,428,1,1},
        {430,430,1,218},{433,434,1,217},{435,437,2,1},{439,439,1,219},{440,440,1,1},{444,444,1,1},{484,484,1,1},
        {502,502,1,-97},{503,503,1,-56},{540,540,1,1},{544,544,1,-130},{546,548,2,1},{570,570,1,10795},{571,571,1,1},
        {573,573,1,-163},{574,574,1,10792},{577,577,1,1},{579,579,1,-195},{580,580,1,69},{581,581,1,71},{582,590,2,1},
        {837,837,1,116},{880,882,2,1},{886,886,1,1},{895,895,1,116},{913,929,1,32},{931,937,1,32},{962,962,1,1},
        {975,975,1,8},{984,1006,2,1},{1015,1015,1,1},{1018,1018,1,1},{1021,1023,1,-130},{1026,1034,2,80},
        {1029,1029,1,80},{1033,1035,2,80},{1039,1039,1,80},{1040,1048,1,32},{1050,1071,1,32},{1120,1140,2,1},
        {1144,1152,2,1},{1162,1214,2,1},{1216,1216,1,15},{1219,1229,2,1},{1236,1236,1,1},{1240,1240,1,1},
        {1248,1248,1,1},{1256,1256,1,1},{1270,1270,1,1},{1274,1326,2,1},{1329,1366,1,48},{4256,4293,1,7264},
        {4295,4295,1,7264},{4301,4301,1,7264},{5112,5117,1,-8},{7296,7296,1,-6222},{7297,7297,1,-6221},
        {7298,7298,1,-6212},{7299,7300,1,-6210},{7301,7301,1,-6211},{7302,7302,1,-6204},{7303,7303,1,-6180},
        {7304,7304,1,35267},{7312,7354,1,-3008},{7357,7359,1,-3008},{7838,7838,1,-7615},{7930,7934,2,1},
        {8498,8498,1,28},{8579,8579,1,1},{11264,11311,1,48},{11360,11360,1,1},{11362,11362,1,-10743},
        {11363,11363,1,-3814},{11364,11364,1,-10727},{11367,11371,2,1},{11373,11373,1,-10780},{11374,11374,1,-10749},
        {11375,11375,1,-10783},{11376,11376,1,-10782},{11378,11378,1,1},{11381,11381,1,1},{11390,11391,1,-10815},
        {11392,11490,2,1},{11499,11501,2,1},{11506,11506,1,1},{42560,42604,2,1},{42624,42650,2,1},{42786,42798,2,1},
        {42802,42862,2,1},{42873,42875,2,1},{42877,42877,1,-35332},{42878,42886,2,1},{42891,42891,1,1},
        {42893,42893,1,-42280},{42896,42898,2,1},{42902,42920,2,1},{42922,42922,1,-42308},{42923,42923,1,-42319},
        {42924,42924,1,-42315},{42925,42925,1,-42305},{42926,42926,1,-42308},{42928,42928,1,-42258},
        {42929,42929,1,-42282},{42930,42930,1,-42261},{42931,42931,1,928},{42932,42946,2,1},{42948,42948,1,-48},
        {42949,42949,1,-42307},{42950,42950,1,-35384},{42951,42953,2,1},{42960,42960,1,1},{42966,42968,2,1},
        {42997,42997,1,1},{43888,43967,1,-38864},{66560,66599,1,40},{66736,66771,1,40},{66928,66938,1,39},
        {66940,66954,1,39},{66956,66962,1,39},{66964,66965,1,39},{68736,68786,1,64},{71840,71871,1,32},
        {93760,93791,1,32},{125184,125217,1,34}}';
    from_letters text;
    to_letters text;
begin
    select
        string_agg(chr(letter), '' order by run, letter),
        string_agg(chr(letter + letters[run][4]), '' order by run, letter)
    into from_letters, to_letters
    from generate_subscripts(letters, 1) as run
    cross join generate_series(letters[run][1], letters[run][2], letters[run][3]) as letter;

    -- The form by which names are compared. Greek and Cyrillic letters that look like Latin ones count as those. A
    -- second dot on an i is invisible, so it is removed. ß is 'ss', because its capital is SS.
    execute format(
        $create$
        create function fold_name(name text) returns text
        language plpgsql immutable strict parallel safe
        set search_path = pg_catalog, public, pg_temp
        as $body$
        declare
            folded text collate "C" := name;
        begin
            if octet_length(folded) > char_length(folded) then
                folded := regexp_replace(normalize(folded, NFKD), %1$L, '', 'g');
                folded := translate(folded, %2$L, %3$L);
                folded := translate(
                    folded, 'авекмнорстухіјѕһԁԛԝӏαβεζηικμνορτυχϳɑɡ', 'abekmhopctyxijshdqwlabezhikmnoptyxjag'
                );
                folded := replace(replace(replace(folded, U&'i\0307', 'i'), U&'j\0307', 'j'), 'ß', 'ss');
            end if;
            return btrim(regexp_replace(lower(folded), ' +', ' ', 'g'));
        end
        $body$
        $create$,
        '[' || hidden || joiners || ']', from_letters, to_letters
    );

    -- The first character of a name that is invisible or changes how the rest is displayed; null if there is none.
    --
    -- told_apart  whether the name identifies somebody: then joiners and unusual spaces count, too
    execute format(
        $create$
        create function unseen_in(name text, told_apart boolean) returns text
        language plpgsql immutable strict parallel safe
        set search_path = pg_catalog, public, pg_temp
        as $body$
        begin
            return substring(name collate "C" from case when told_apart then %1$L else %2$L end);
        end
        $body$
        $create$,
        '[' || hidden || joiners || other_spaces || ']', '[' || hidden || ']'
    );
end
$create_name_functions$;

-- The names under which a server may know a zone, best first: the current name, the given name, older names, and last
-- another zone whose clocks have shown the same since 1970. The lists come from the IANA database (its file `backward`,
-- July 2026). PostgreSQL does not have them: pg_timezone_names lists the names, but not which of them mean the same
-- zone. A name in neither list has no other names.
create function timezone_names(zone text) returns text[]
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    -- The current name of a zone, and its older names.
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
    -- A zone, and others whose clocks have shown the same since 1970 but which have their own names.
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
    -- PostgreSQL accepts a name in any case. Some systems list every zone again under posix/ and right/.
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

-- The name to store for a zone given in any case: the best one that this server knows. Null if it is not a zone.
-- PostgreSQL also accepts abbreviations and POSIX rules such as 'FOO3', which have no daylight-saving time; they do not
-- count as zones here. UTC is handled first, because reading all of pg_timezone_names is slow.
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

-- The learner's local time, minus the hours after midnight at which their day begins. Its date is the learner's day.
-- The hours are subtracted from the local time, so a day begins at the same hour even when it has 23 or 25 hours.
--
-- A zone that the server does not know counts as UTC, so that the learner can go on; doctor/time_zone reports it. The
-- known zones change with the server's tzdata, so a stored zone may be unknown. Whatever uses one calls this function.
--
-- It is `immutable`, like PostgreSQL's own timezone(). It is not parallel safe: before version 17, a parallel worker
-- cannot start the subtransaction of an exception block.
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
