-- Deactivate a skill: it neither gates nor counts. Learners keep their progress in it.
--
-- @role app_service
-- @step also the first step of delete, so that the effects of both are the same
-- @budget buffers 200
update skills
set
    is_active = false,
    updated_at = now()
where skills.id = %(skill_id)s
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
    skills.updated_by;
