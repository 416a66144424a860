-- Who learns: an account to log in with, and a profile that others may see. Two tables, because the profile changes
-- with every completed skill and the account hardly ever.

create table users (
    id uuid not null default uuidv7(),
    email text not null,
    username text not null,
    password_hash text not null,
    first_name text,
    last_name text,
    avatar_url text,
    is_active boolean not null default true,
    email_verified boolean not null default false,
    last_login_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- No foreign key: a trace of who did it outlives the account.
    created_by uuid,
    updated_by uuid,
    constraint users_pkey primary key (id),
    constraint idx_user_username unique (username),
    -- 254 is the longest address that mail can be sent to (RFC 5321).
    constraint users_email_length check (char_length(email) between 3 and 254),
    constraint users_email_form check (email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'),
    constraint users_username_length check (char_length(username) between 1 and 50),
    constraint users_username_form check (username !~ '^[[:space:]]|[[:space:]]$|[[:cntrl:]]'),
    constraint users_password_hash_form check (password_hash ~ '^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$'),
    constraint users_first_name_length check (char_length(first_name) <= 100),
    constraint users_last_name_length check (char_length(last_name) <= 100),
    constraint users_avatar_url_length check (char_length(avatar_url) <= 2048)
);

-- Both unique and the index to log in by: an address is the same in any case.
create unique index idx_user_email on users (lower(email));

create index idx_user_activity on users (is_active, last_login_at);

create trigger users_set_updated_at
before update on users
for each row execute function set_updated_at();

create table user_profiles (
    user_id uuid not null,
    bio text,
    location text,
    website text,
    timezone text default 'UTC',
    learning_goals text[] not null default '{}',
    interests text[] not null default '{}',
    preferences jsonb not null default '{}',
    total_xp integer not null default 0,
    current_level integer not null default 1,
    current_streak integer not null default 0,
    max_streak integer not null default 0,
    last_activity_at timestamptz,
    skills_completed integer not null default 0,
    hours_learned double precision not null default 0,
    trees_started integer not null default 0,
    trees_completed integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint user_profiles_pkey primary key (user_id),
    constraint user_profiles_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint user_profiles_bio_length check (char_length(bio) <= 10000),
    constraint user_profiles_location_length check (char_length(location) <= 200),
    constraint user_profiles_website_length check (char_length(website) <= 2048),
    constraint user_profiles_learning_goals_form check (is_text_list(learning_goals, 100, 500)),
    constraint user_profiles_interests_form check (is_text_list(interests, 100, 100)),
    constraint user_profiles_preferences_form check (jsonb_typeof(preferences) = 'object'),
    constraint user_profiles_total_xp_range check (total_xp >= 0),
    constraint user_profiles_current_level_range check (current_level between 1 and 100),
    constraint user_profiles_current_streak_range check (current_streak between 0 and max_streak),
    constraint user_profiles_skills_completed_range check (skills_completed >= 0),
    -- NaN is greater than every number in PostgreSQL, so an upper limit is what keeps it out, here and below.
    constraint user_profiles_hours_learned_range check (hours_learned >= 0 and hours_learned < 'infinity'),
    constraint user_profiles_trees_started_range check (trees_started >= 0),
    constraint user_profiles_trees_completed_range check (trees_completed >= 0)
);

create index idx_profile_xp on user_profiles (total_xp);

create index idx_profile_level on user_profiles (current_level);

create index idx_profile_activity on user_profiles (last_activity_at);

create trigger user_profiles_set_updated_at
before update on user_profiles
for each row execute function set_updated_at();

-- A trigger and not a check constraint, which would look the zone up again whenever anything else of the profile
-- changes.
create function refuse_unknown_timezone() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
begin
    if tg_op = 'UPDATE' and new.timezone is not distinct from old.timezone then
        return new;
    end if;
    if not is_iana_timezone(new.timezone) then
        raise exception 'unknown time zone "%"', new.timezone
            using errcode = 'check_violation', constraint = 'user_profiles_timezone_known', column = 'timezone',
            hint = 'Use a name of the IANA database, such as Europe/Lisbon.';
    end if;
    return new;
end
$$;

create trigger user_profiles_refuse_unknown_timezone
before insert or update on user_profiles
for each row execute function refuse_unknown_timezone();
