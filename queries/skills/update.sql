-- Change a skill except its key. Setting a column of a unique index, even to the same value, would block every learner
-- who makes progress in the skill.
--
-- changes  a JSON object of the columns to change; the others keep their value
--
-- @role app_service
-- @sample changes: '{"name": "Another name", "is_optional": true}'
-- @budget buffers 200
update skills
set
    (
        sort_order,
        parent_skill_id,
        name,
        short_name,
        description,
        learning_objectives,
        skill_type,
        difficulty,
        estimated_minutes,
        xp_value,
        node_size,
        resources,
        assessments,
        is_active,
        is_optional,
        is_milestone
    )
    = (
        select
            changed.sort_order,
            changed.parent_skill_id,
            changed.name,
            changed.short_name,
            changed.description,
            changed.learning_objectives,
            changed.skill_type,
            changed.difficulty,
            changed.estimated_minutes,
            changed.xp_value,
            changed.node_size,
            changed.resources,
            changed.assessments,
            changed.is_active,
            changed.is_optional,
            changed.is_milestone
        from jsonb_populate_record(skills, %(changes)s::jsonb) as changed
    ),
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
