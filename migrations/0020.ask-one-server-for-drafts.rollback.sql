-- Loses nothing.

create or replace function is_in_tree(tree_id uuid) returns boolean
language plpgsql stable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return exists (
        select from user_skill_tree_progress
        where
            user_skill_tree_progress.user_id = nullif(current_setting('app.current_user_id', true), '')::uuid
            and user_skill_tree_progress.skill_tree_id = is_in_tree.tree_id
    );
end
$$;
