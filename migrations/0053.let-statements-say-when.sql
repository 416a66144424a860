-- A statement sets `updated_at` itself. The triggers only do so for one that did not, as written by hand, or that says
-- another time. On a distributed server (Citus), a trigger of a reference table runs on every node, each at its own
-- moment; the minute is for clocks that differ.
--
-- Replaces the function set_authorship and the triggers that run set_updated_at; the grants are new.
--
-- @compatible

create or replace function set_authorship() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
declare
    actor constant uuid := coalesce(
        nullif(current_setting('app.actor_id', true), ''), nullif(current_setting('app.current_user_id', true), '')
    )::uuid;
begin
    if tg_op = 'UPDATE' then
        if
            new.updated_at = old.updated_at
            or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
        then
            new.updated_at := now();
        end if;
        if actor is not null and new.created_by is not null then
            new.created_by := old.created_by;
        end if;
    elsif actor is not null then
        new.created_by := actor;
    end if;
    new.updated_by := coalesce(actor, new.updated_by);
    return new;
end
$$;

create or replace trigger user_profiles_set_updated_at
before update on user_profiles
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

create or replace trigger skill_categories_set_updated_at
before update on skill_categories
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

create or replace trigger achievements_set_updated_at
before update on achievements
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

create or replace trigger user_skill_tree_progress_set_updated_at
before update on user_skill_tree_progress
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

create or replace trigger user_skill_progress_set_updated_at
before update on user_skill_progress
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

grant update (updated_at) on users to app_user;

grant update (updated_at) on user_profiles to app_user, app_engine;
