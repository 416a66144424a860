-- Set the prerequisites of a tree. They are locked until the end of the transaction, so that none can be deleted
-- meanwhile.
--
-- @role app_service
-- @sample prerequisites: array(
--     select id from skill_trees where prerequisites = '{}' and id <> %(tree_id)s order by id limit 2
--     )
-- @budget buffers 170
with held_prerequisite as (
    select skill_trees.id
    from skill_trees
    where skill_trees.id = any(%(prerequisites)s::uuid[])
    order by skill_trees.id
    for key share
)

update skill_trees
set
    prerequisites = %(prerequisites)s,
    updated_at = now()
where
    skill_trees.id = %(tree_id)s
    -- The reference makes the sub-query run.
    and (select count(*) from held_prerequisite) >= 0
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
