-- Hide a tree from the catalogue. Its learners keep it and their progress.
--
-- @role app_service
-- @budget buffers 110
update skill_trees
set
    is_published = false,
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
