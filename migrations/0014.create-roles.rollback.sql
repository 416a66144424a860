-- Loses the grants of the roles. The roles themselves stay as long as another database of the server needs them.

drop function begin_as_service(uuid);

drop function begin_as_user(uuid, boolean);

alter default privileges in schema public revoke select on tables from app_service;

alter default privileges grant usage on types to public;

alter default privileges grant execute on routines to public;

grant usage on type
difficulty_level,
skill_type,
tree_progress_status,
skill_progress_status,
completion_method,
achievement_category,
achievement_rarity,
leaderboard,
streak_step
to public;

grant execute on all routines in schema public to public;

grant usage on schema public to public;

do $grant_to_public$
begin
    execute format('grant connect, temporary on database %I to public', current_database());
    execute format(
        'revoke all on database %I from app_user, app_engine, app_service, skilltree_app', current_database()
    );
end
$grant_to_public$;

-- This also revokes the privileges on columns.
revoke all on all tables in schema public from app_user, app_engine, app_service;

revoke all on sequence skill_graph_changes from app_service;

revoke all on all routines in schema public from app_user, app_engine, app_service;

revoke all on type
difficulty_level,
skill_type,
tree_progress_status,
skill_progress_status,
completion_method,
achievement_category,
achievement_rarity,
leaderboard,
streak_step
from app_user, app_engine;

revoke all on schema public from app_user;

do $drop_roles$
declare
    role_name text;
begin
    foreach role_name in array array['skilltree_app', 'app_service', 'app_engine', 'app_user'] loop
        begin
            execute format('drop role %I', role_name);
        exception
            when dependent_objects_still_exist then
                raise notice 'the role % stays: another database needs it', role_name;
            when insufficient_privilege then
                raise notice 'the role % stays: who made it may drop it', role_name;
        end;
    end loop;
end
$drop_roles$;
