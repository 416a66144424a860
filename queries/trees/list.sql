-- A page of the catalogue by name. A filter that is null accepts everything.
--
-- One plan serves all filters: it follows the index of names from the last page on, and stops when the page is full.
-- The planner estimates that each `case` and the `coalesce` pass half of the trees. For six conditions one by one, it
-- would expect hardly a tree to pass, and sort all of them. A custom plan can use the index of tags.
--
-- all_tags    the tree has all of them
-- any_tags    the tree has at least one of them
-- after_name  with after_id, the last tree of the previous page; null begins at the first
--
-- @sample after_id: null
-- @sample after_name: null
-- @sample all_tags: null
-- @sample any_tags: array['sql', 'css']
-- @sample category_id: null
-- @sample difficulty: null
-- @sample featured: null
-- @budget buffers 260
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
    skill_trees.updated_by
from visible_trees as skill_trees
where
    (skill_trees.name, skill_trees.id)
    > (coalesce(%(after_name)s::text, ''), coalesce(%(after_id)s::uuid, '00000000-0000-0000-0000-000000000000'))
    and case when %(all_tags)s::text[] is null then true else skill_trees.tags @> %(all_tags)s::text[] end
    and case when %(any_tags)s::text[] is null then true else skill_trees.tags && %(any_tags)s::text[] end
    and coalesce(
        (%(category_id)s::uuid is null or skill_trees.category_id = %(category_id)s)
        and (%(difficulty)s::difficulty_level is null or skill_trees.difficulty = %(difficulty)s)
        and (%(featured)s::boolean is null or skill_trees.is_featured = %(featured)s)
        and (%(published)s::boolean is null or skill_trees.is_published = %(published)s),
        false
    )
order by skill_trees.name, skill_trees.id
limit %(limit)s;
