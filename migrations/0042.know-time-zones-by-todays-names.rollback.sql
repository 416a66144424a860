-- Loses when learners' days begin. Names of zones stay those of today.

create function is_iana_timezone(name text) returns boolean
language plpgsql stable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if name = 'UTC' then
        return true;
    end if;
    perform timezone(name, now());
    return exists (select from pg_timezone_names where pg_timezone_names.name = is_iana_timezone.name);
exception
    when invalid_parameter_value then
        return false;
end
$$;

grant execute on function is_iana_timezone(text) to app_user;

create or replace function refuse_unknown_timezone() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
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

alter table user_profiles drop column day_starts_at;

drop function local_clock(timestamptz, text, integer);

drop function canonical_timezone(text);

drop function timezone_names(text);

call audit_table(
    'user_profiles', 'user_id', 'user_id',
    '{total_xp, current_level, current_streak, max_streak, last_activity_at, last_activity_on, skills_completed,
    hours_learned, trees_started, trees_completed}'
);
