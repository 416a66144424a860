-- Remove a dependency of a skill. Removing one that does not exist changes nothing.
--
-- @role app_service
-- @sample skill_id: %(last_skill_id)s
-- @sample prerequisite_id: (select dependencies[1] from skills where id = %(skill_id)s)
-- @budget buffers 450
with locked_skill as (
    select skills.id
    from skills
    where skills.id in (%(skill_id)s, %(prerequisite_id)s)
    order by skills.id
    for no key update
),

updated_skill as (
    update skills
    set
        dependencies = case
            when skills.id = %(skill_id)s then array_remove(skills.dependencies, %(prerequisite_id)s)
            else skills.dependencies
        end,
        dependents = case
            when skills.id = %(prerequisite_id)s then array_remove(skills.dependents, %(skill_id)s)
            else skills.dependents
        end,
        updated_at = now()
    from locked_skill
    where
        skills.id = locked_skill.id
        and %(skill_id)s in (select target.id from locked_skill as target)
    returning
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
)

select
    updated_skill.id,
    updated_skill.skill_tree_id,
    updated_skill.parent_skill_id,
    updated_skill.key,
    updated_skill.sort_order,
    updated_skill.name,
    updated_skill.short_name,
    updated_skill.description,
    updated_skill.learning_objectives,
    updated_skill.skill_type,
    updated_skill.difficulty,
    updated_skill.estimated_minutes,
    updated_skill.xp_value,
    updated_skill.dependencies,
    updated_skill.dependents,
    updated_skill.position_x,
    updated_skill.position_y,
    updated_skill.is_placed,
    updated_skill.node_size,
    updated_skill.content,
    updated_skill.resources,
    updated_skill.assessments,
    updated_skill.is_active,
    updated_skill.is_optional,
    updated_skill.is_milestone,
    updated_skill.created_at,
    updated_skill.updated_at,
    updated_skill.created_by,
    updated_skill.updated_by
from updated_skill
where updated_skill.id = %(skill_id)s;
