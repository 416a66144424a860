-- Hold a tree that is about to be imported, whether it exists or not, and the name of its category, so that the next
-- statement sees the latest of both.
--
-- @role app_service
-- @step how import_tree begins
-- @sample category_slug: 'a-new-slug'
-- @budget buffers 150
with import_lock as materialized (
    select
        pg_advisory_xact_lock(hashtextextended('import category ' || %(category_slug)s, 0)),
        pg_advisory_xact_lock(hashtextextended('edit tree ' || %(slug)s, 0))
)

select skills.id
from import_lock
inner join skill_trees on skill_trees.slug = %(slug)s
inner join skills on skills.skill_tree_id = skill_trees.id
order by skills.id
for no key update of skills;
