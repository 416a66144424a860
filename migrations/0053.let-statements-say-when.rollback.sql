-- Loses definitions and grants only.

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
        new.updated_at := now();
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
for each row execute function set_updated_at();

create or replace trigger skill_categories_set_updated_at
before update on skill_categories
for each row execute function set_updated_at();

create or replace trigger achievements_set_updated_at
before update on achievements
for each row execute function set_updated_at();

create or replace trigger user_skill_tree_progress_set_updated_at
before update on user_skill_tree_progress
for each row execute function set_updated_at();

create or replace trigger user_skill_progress_set_updated_at
before update on user_skill_progress
for each row execute function set_updated_at();

revoke update (updated_at) on users from app_user;

revoke update (updated_at) on user_profiles from app_user, app_engine;
