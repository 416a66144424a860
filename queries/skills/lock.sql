-- Hold a skill, whose learners are held off before. Every edge of it is written in its own row too, so that none can
-- come or go from here on. The lock on the tree comes first: edits that touch many of its skills wait for each other
-- there, and do not meet half-way.
--
-- @role app_service
-- @step how edits of the graph begin that must know it
-- @budget buffers 20
with tree_lock as materialized (
    select pg_advisory_xact_lock(hashtextextended('edit tree ' || skill_trees.slug, 0))
    from skills
    inner join skill_trees on skill_trees.id = skills.skill_tree_id
    where skills.id = %(skill_id)s
)

select skills.id
from tree_lock
inner join skills on skills.id = %(skill_id)s
for update of skills;
