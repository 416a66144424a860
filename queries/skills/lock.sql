-- Lock a skill whose learners have been locked out before. Every edge of the skill is also stored in its own row, so no
-- edge can be added or removed from here on. The lock on the tree comes first. There, edits of many skills wait for
-- each other, so they do not deadlock.
--
-- @role app_service
-- @step the first step of edits that must know all edges of the skill
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
