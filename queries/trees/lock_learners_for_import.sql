-- Hold off the learners of a tree that is about to be imported. What holds its slug came before, so that nobody else
-- can make the tree meanwhile.
--
-- @role app_service
-- @step how import_tree begins
-- @budget buffers 10
select
    refuse_old_snapshot(),
    pg_advisory_xact_lock(hashtextextended('learners of tree ' || skill_trees.id, 0))
from skill_trees
where skill_trees.slug = %(slug)s;
