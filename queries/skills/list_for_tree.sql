-- The skills of a tree, top to bottom, left to right; only active ones unless all are requested.
--
-- @budget buffers 33
select
    skills.id,
    skills.skill_tree_id,
    skills.parent_skill_id,
    skills.key,
    skills.sort_order,
    skills.name,
    skills.short_name,
    skills.description,
    skills.learning_objectives,
    skills.skill_type,
    skills.difficulty,
    skills.estimated_minutes,
    skills.xp_value,
    skills.dependencies,
    skills.dependents,
    skills.position_x,
    skills.position_y,
    skills.is_placed,
    skills.node_size,
    skills.content,
    skills.resources,
    skills.assessments,
    skills.is_active,
    skills.is_optional,
    skills.is_milestone,
    skills.created_at,
    skills.updated_at,
    skills.created_by,
    skills.updated_by
from skills
where
    skills.skill_tree_id = %(tree_id)s
    and (skills.is_active or %(include_inactive)s)
    and exists (
        select from visible_trees
        where visible_trees.id = skills.skill_tree_id
    )
order by skills.position_y, skills.position_x, skills.sort_order, skills.id;
