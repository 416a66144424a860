-- Learners: an account to log in with, and a profile. There are two tables, because the profile changes with every
-- completed skill and the account hardly ever.

create table users (
    id uuid not null default uuidv7(),
    constraint users_pkey primary key (id),

    email text not null,
    -- RFC 5321 allows addresses of up to 254 characters.
    constraint users_email_length check (char_length(email) between 3 and 254),
    constraint users_email_form check (email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'),

    -- No spaces at either end, and no two in a row.
    username text not null,
    constraint users_username_length check (char_length(username) between 1 and 50),
    constraint users_username_form check (username !~ '^ | $|  '),

    -- A bcrypt hash. The password itself is never sent to the server.
    password_hash text not null,
    constraint users_password_hash_form check (password_hash ~ '^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$'),

    first_name text,
    constraint users_first_name_length check (char_length(first_name) <= 100),

    last_name text,
    constraint users_last_name_length check (char_length(last_name) <= 100),

    -- A web address or a path. Other schemes, such as javascript:, could run code in a browser that shows the avatar.
    avatar_url text,
    constraint users_avatar_url_length check (char_length(avatar_url) <= 2048),
    constraint users_avatar_url_form check (
        avatar_url ~ '^(https?://|/)[^\u0001-\u0020\u007F-\u009F]+$'
    ),

    is_active boolean not null default true,
    email_verified boolean not null default false,
    last_login_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),

    -- No foreign keys, because these ids stay when the account is deleted.
    created_by uuid,
    updated_by uuid
);

-- Log-ins use these unique indexes. Names that look the same count as equal.
create unique index idx_user_email on users (fold_name(email));

create unique index idx_user_username on users (fold_name(username));

create index idx_user_activity on users (is_active, last_login_at);

-- Names are stored composed (NFC), in whatever form they are given. An invisible character is refused, and the error
-- says which one.
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
        raise exception
            '% contains the character U+%, which is invisible or changes how the text around it is shown',
            unfit.field, lpad(unfit.letter, greatest(char_length(unfit.letter), 4), '0')
            using errcode = 'ST101', constraint = 'users_names_seen', column = unfit.field,
            detail = jsonb_build_object('field', unfit.field), hint = 'Remove this character.';
    end loop;
    return new;
end
$$;

create trigger users_compose_names
before insert or update of email, username, first_name, last_name on users
for each row execute function compose_names();

create trigger users_set_authorship
before insert or update on users
for each row execute function set_authorship();

-- The profile has what learners write about themselves, and totals that follow from other tables. The totals are cached
-- here, so that reading a profile reads one row. `skilltree doctor` computes them again.
create table user_profiles (
    user_id uuid not null,
    constraint user_profiles_pkey primary key (user_id),
    constraint user_profiles_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    bio text,
    constraint user_profiles_bio_length check (char_length(bio) <= 10000),

    location text,
    constraint user_profiles_location_length check (char_length(location) <= 200),

    website text,
    constraint user_profiles_website_length check (char_length(website) <= 2048),

    -- A name from the IANA database. A trigger below checks it.
    timezone text default 'UTC',
    constraint user_profiles_timezone_length check (char_length(timezone) <= 100),

    -- The hours after midnight at which the learner's day begins. Until then, learning counts for the day before.
    day_starts_at integer not null default 0,
    constraint user_profiles_day_starts_at_range check (day_starts_at between 0 and 12),

    learning_goals text[] not null default '{}',
    constraint user_profiles_learning_goals_form check (is_text_list(learning_goals, 100, 500)),

    interests text[] not null default '{}',
    constraint user_profiles_interests_form check (is_text_list(interests, 100, 100)),

    -- Every document has a maximum size and depth, here and in other tables, so that no row grows without limit. The
    -- checks run whenever any column of the row changes, and cost almost nothing. The size is that of the stored value,
    -- which is known without reading it. The depth is checked only from 800 bytes on, because a level takes at least
    -- 8 bytes. The limit of depth is low enough for Pydantic, which reads up to 200 levels.
    preferences jsonb not null default '{}',
    constraint user_profiles_preferences_form check (jsonb_typeof(preferences) = 'object'),
    constraint user_profiles_preferences_size check (pg_column_size(preferences) <= 100000),
    constraint user_profiles_preferences_depth check (
        pg_column_size(preferences) < 800 or not jsonb_path_exists(preferences, '$.**{100}')
    ),

    -- Whether the learner wants to be shown and counted on leaderboards.
    is_on_leaderboard boolean not null default true,

    -- The sum of xp_events. 32 bits are not enough: 2,148 events of a million XP each exceed them.
    total_xp bigint not null default 0,
    constraint user_profiles_total_xp_range check (total_xp >= 0),

    -- Never falls, even if XP are corrected.
    current_level integer not null default 1,
    constraint user_profiles_current_level_range check (current_level between 1 and 100),

    -- Days in a row, counted from user_activity_days. A streak that has ended is reported as 0.
    current_streak integer not null default 0,
    max_streak integer not null default 0,
    constraint user_profiles_current_streak_range check (current_streak between 0 and max_streak),

    -- From these four columns the next streak is computed without reading the days.
    --
    -- When the streak began; null if that is unknown, for example after an import.
    streak_started_at timestamptz,
    last_activity_at timestamptz,
    -- The latest day with activity, in the learner's own calendar.
    last_activity_on date,
    -- How far the learner's clock (local_clock) was ahead of UTC at that time.
    last_activity_offset interval,

    skills_completed integer not null default 0,
    constraint user_profiles_skills_completed_range check (skills_completed >= 0),

    hours_learned double precision not null default 0,
    -- PostgreSQL treats NaN as greater than every number. The upper limit excludes it, here and in other tables.
    constraint user_profiles_hours_learned_range check (hours_learned >= 0 and hours_learned < 'infinity'),

    trees_started integer not null default 0,
    constraint user_profiles_trees_started_range check (trees_started >= 0),

    trees_completed integer not null default 0,
    constraint user_profiles_trees_completed_range check (trees_completed >= 0),

    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index idx_profile_xp on user_profiles (total_xp);

create index idx_profile_level on user_profiles (current_level);

create index idx_profile_activity on user_profiles (last_activity_at);

create trigger user_profiles_set_updated_at
before update on user_profiles
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

-- A zone is stored under its current name. This is a trigger and not a check constraint, because the known zones depend
-- on the server, and a check would look up the zone again whenever any other column of the profile changes.
create function refuse_unknown_timezone() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    given constant text := new.timezone;
begin
    -- A stored zone that the server no longer knows stays, so that the rest of the profile can be changed.
    if tg_op = 'UPDATE' and new.timezone is not distinct from old.timezone then
        return new;
    end if;
    new.timezone := canonical_timezone(given);
    if new.timezone is null and given is not null then
        raise exception 'unknown time zone "%"', given
            using errcode = 'ST102', constraint = 'user_profiles_timezone_known', column = 'timezone',
            detail = jsonb_build_object('field', 'timezone'),
            hint = 'Use a name from the IANA database, such as Europe/Lisbon.';
    end if;
    return new;
end
$$;

create trigger user_profiles_refuse_unknown_timezone
before insert or update of timezone on user_profiles
for each row execute function refuse_unknown_timezone();
