-- As before, but the learner is a constant, by which a distributed server (Citus) finds the server to ask. On any other
-- server, nothing changes.
--
-- @compatible

create or replace function is_in_tree(tree_id uuid) returns boolean
language plpgsql stable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    learner constant uuid := nullif(current_setting('app.current_user_id', true), '')::uuid;
begin
    return exists (
        select 1 from user_skill_tree_progress
        where
            user_skill_tree_progress.user_id = learner
            and user_skill_tree_progress.skill_tree_id = is_in_tree.tree_id
    );
end
$$;
