-- What `visible_trees` asks of a learner's own way becomes a function. As a sub-select it was planned with every
-- statement that reads a tree, and never run: hardly anybody reads a draft. A list of trees took twice as long to plan.

-- Whether the learner at work has begun a tree. Their own rows are all that row-level security shows them.
create function is_in_tree(tree_id uuid) returns boolean
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

revoke execute on function is_in_tree(uuid) from public;

grant execute on function is_in_tree(uuid) to app_user;

create or replace view visible_trees with (security_invoker = true) as
select
    skill_trees.id,
    skill_trees.category_id,
    skill_trees.name,
    skill_trees.slug,
    skill_trees.description,
    skill_trees.short_description,
    skill_trees.difficulty,
    skill_trees.estimated_hours,
    skill_trees.prerequisites,
    skill_trees.tags,
    skill_trees.version,
    skill_trees.language,
    skill_trees.layout_config,
    skill_trees.theme_config,
    skill_trees.is_published,
    skill_trees.is_featured,
    skill_trees.is_ai_generated,
    skill_trees.created_at,
    skill_trees.updated_at,
    skill_trees.created_by,
    skill_trees.updated_by,
    skill_trees.search_document
from skill_trees
where
    skill_trees.is_published
    or current_user not in ('app_user', 'app_engine')
    or is_in_tree(skill_trees.id);
