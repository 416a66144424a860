-- Two user names, or two addresses, that look the same are one: whatever their case, their Unicode form and the spaces
-- and invisible characters in them. What is compared is a folded form that depends on nothing but the text: neither on
-- the database's locale and provider (the C locale knows no É, the Turkish one another I) nor on their versions, which
-- would leave the unique indexes wrong after an upgrade of the operating system.
--
-- Names that look the same, or hold what nobody sees, end the migration: only who runs the platform can say which of
-- them is to change.
--
-- @changes users: names are stored composed (NFC), first and last names without what nobody sees

do $create_name_functions$
declare
    -- Controls, what has no width, what turns the direction of writing, fillers, tags, and what is drawn as a box.
    hidden constant text := '\u0001-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B'
    || '\u200E\u200F\u2028-\u202E\u2060-\u206F\u2800\u3164\uE000-\uF8FF\uFDD0-\uFDEF\uFE00-\uFE0D\uFEFF\uFFA0'
    || '\uFFF0-\uFFFC\uFFFE\uFFFF\U00013430-\U0001343F\U0001BCA0-\U0001BCA3\U0001D159\U0001D173-\U0001D17A'
    || '\U000E0000-\U000E0FFF\U000F0000-\U0010FFFF';
    -- What joins and selects letters of some scripts, and pictures: of use in what is only shown.
    joiners constant text := '\u200C\u200D\uFE0E\uFE0F';
    other_spaces constant text := '\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000';
    -- Letters that differ from others in case alone: from, to, step, and how far away the other is. It is Unicode's
    -- case mapping of what cannot be decomposed (NFKD), with ı and i as one, as they are in Turkish capitals.
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

    -- What a name is compared by. Letters of Greek and Cyrillic that are drawn like Latin ones are those; no dot is
    -- seen on an i that has one already, and ß has no capital of its own.
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

    -- The first character that nobody sees, or that changes how the rest is shown; null when there is none. In a name
    -- to be told from others it must not be, whatever it does.
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

    update users
    set
        first_name = regexp_replace(users.first_name collate "C", '[' || hidden || ']', '', 'g'),
        last_name = regexp_replace(users.last_name collate "C", '[' || hidden || ']', '', 'g')
    where unseen_in(concat(users.first_name, users.last_name), false) is not null;
end
$create_name_functions$;

grant execute on function fold_name(text), unseen_in(text, boolean) to app_user;

-- The database writes names composed, however they come, and says which character it does not take.
create function compose_names() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    unfit record;
begin
    new.email := normalize(new.email, NFC);
    new.username := normalize(new.username, NFC);
    new.first_name := nullif(btrim(normalize(new.first_name, NFC)), '');
    new.last_name := nullif(btrim(normalize(new.last_name, NFC)), '');

    for unfit in
        select
            given.field,
            upper(to_hex(ascii(unseen_in(given.name, given.told_apart)))) as letter
        from (
            values
            ('email', new.email, true),
            ('username', new.username, true),
            ('first_name', new.first_name, false),
            ('last_name', new.last_name, false)
        ) as given (field, name, told_apart)
        where unseen_in(given.name, given.told_apart) is not null
    loop
        raise exception '% holds the character U+%, which nobody sees, or which changes how the rest is shown',
            unfit.field, lpad(unfit.letter, greatest(char_length(unfit.letter), 4), '0')
            using errcode = 'check_violation', constraint = 'users_names_seen', column = unfit.field,
            hint = 'Leave it out.';
    end loop;
    return new;
end
$$;

create trigger users_compose_names
before insert or update of email, username, first_name, last_name on users
for each row execute function compose_names();

do $refuse_what_looks_the_same$
declare
    trouble text;
begin
    -- Nobody registers meanwhile.
    lock table users in share row exclusive mode;

    select string_agg(format('the %s of %s', unfit.what, unfit.id), ', ')
    into trouble
    from (
        select
            users.id,
            named.what
        from users
        cross join lateral (
            values
            ('e-mail address', users.email, false),
            ('user name', users.username, users.username ~ '^ | $|  ')
        ) as named (what, name, is_unfit)
        where named.is_unfit or unseen_in(named.name, true) is not null
        order by users.id, named.what
        limit 20
    ) as unfit;
    if trouble is not null then
        raise exception 'names hold characters that nobody sees, or spaces where none may be: %', trouble
            using errcode = 'check_violation',
            hint = 'Change users.email and users.username of the accounts with these ids, and migrate again.';
    end if;

    select string_agg(format('the %s of %s', alike.what, alike.ids), ', and ')
    into trouble
    from (
        select
            named.what,
            string_agg(users.id::text, ' and ' order by users.id) as ids
        from users
        cross join lateral (
            values ('e-mail addresses', users.email), ('user names', users.username)
        ) as named (what, name)
        group by named.what, fold_name(named.name)
        having count(*) > 1
        order by named.what, ids
        limit 20
    ) as alike;
    if trouble is not null then
        raise exception 'accounts have names that look the same: %', trouble
            using errcode = 'unique_violation',
            hint = 'Change those of all but one, or delete what is nobody''s, and migrate again.';
    end if;

    update users
    set email = users.email
    where
        users.email is not nfc normalized
        or users.username is not nfc normalized
        or users.first_name is not nfc normalized
        or users.last_name is not nfc normalized
        or concat(users.first_name, '|', users.last_name) ~ '^ | $| \||\| ';
end
$refuse_what_looks_the_same$;

-- Under the lock that was taken above, and in a second for a million accounts.
-- squawk-ignore require-concurrent-index-deletion
drop index idx_user_email;

-- As above.
-- squawk-ignore ban-drop-constraint
alter table users drop constraint idx_user_username;

-- As above.
-- squawk-ignore ban-drop-constraint
alter table users drop constraint users_username_form;

-- As above.
-- squawk-ignore require-concurrent-index-creation
create unique index idx_user_email on users (fold_name(email));

-- As above.
-- squawk-ignore require-concurrent-index-creation
create unique index idx_user_username on users (fold_name(username));

-- As above.
-- squawk-ignore constraint-missing-not-valid
alter table users add constraint users_username_form check (username !~ '^ | $|  ');
