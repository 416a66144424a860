-- Loses a definition only.

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
    or exists (
        select from user_skill_tree_progress
        where
            user_skill_tree_progress.user_id = nullif(current_setting('app.current_user_id', true), '')::uuid
            and user_skill_tree_progress.skill_tree_id = skill_trees.id
    );

drop function is_in_tree(uuid);
