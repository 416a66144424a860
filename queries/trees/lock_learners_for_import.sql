-- Hold off the learners of a tree that is about to be imported, as trees/lock_learners. What holds its slug came before,
-- so that nobody else can make the tree meanwhile.
--
-- @role app_service
-- @step how import_tree begins
-- @budget buffers 10
select
    refuse_old_snapshot(),
    hold_off_learners(skill_trees.id, true),
    wait_briefly()
from skill_trees
where skill_trees.slug = %(slug)s;
