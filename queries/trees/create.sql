-- A new tree, not yet published.
--
-- @role app_service
-- @sample slug: 'a-new-slug'
-- @sample prerequisites: array[%(tree_id)s::uuid]
-- @budget buffers 73
insert into skill_trees (
    id,
    category_id,
    name,
    slug,
    description,
    short_description,
    difficulty,
    estimated_hours,
    prerequisites,
    tags,
    version,
    language,
    layout_config,
    theme_config,
    is_featured,
    is_ai_generated
)
values (
    coalesce(%(id)s::uuid, uuidv7()),
    %(category_id)s,
    %(name)s,
    %(slug)s,
    %(description)s,
    %(short_description)s,
    %(difficulty)s,
    %(estimated_hours)s,
    %(prerequisites)s,
    %(tags)s,
    %(version)s,
    %(language)s,
    %(layout_config)s,
    %(theme_config)s,
    %(is_featured)s,
    %(is_ai_generated)s
)
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
