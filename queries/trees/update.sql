-- Change a tree except its slug. Setting a column of a unique index, even to the same value, would block every learner
-- who starts the tree.
--
-- changes  a JSON object of the columns to change; the others keep their value
--
-- @role app_service
-- @sample changes: '{"description": "Another one."}'
-- @budget buffers 66
update skill_trees
set
    (
        category_id,
        name,
        description,
        short_description,
        difficulty,
        estimated_hours,
        tags,
        version,
        layout_config,
        theme_config,
        is_featured,
        is_ai_generated
    )
    = (
        select
            changed.category_id,
            changed.name,
            changed.description,
            changed.short_description,
            changed.difficulty,
            changed.estimated_hours,
            changed.tags,
            changed.version,
            changed.layout_config,
            changed.theme_config,
            changed.is_featured,
            changed.is_ai_generated
        from jsonb_populate_record(skill_trees, %(changes)s::jsonb) as changed
    ),
    updated_at = now()
where skill_trees.id = %(tree_id)s
returning
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
    skill_trees.updated_by;
