-- Lock learners out of a tree before an edit: nobody acts in it until the commit. Raises TreeBusy if a learner acts for
-- longer than authors wait. Meanwhile other learners can act, and this transaction waits only briefly for any other
-- lock.
--
-- In a tree that somebody has started, authors also wait for each other. Authors of a tree that nobody has started
-- share its lock, and its first learner waits for all of them (progress/lock_for_skill). A second run sees a first
-- learner who came while the first run waited. Rows of progress also show learners, in case begun_trees lacks the tree.
--
-- @role app_service
-- @step the first step of edits that change what counts or gates
-- @across asks whether a tree has any learners
-- @budget buffers 30
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with tree as (
    select
        skill_trees.id,
        skill_trees.slug,
        exists (
            select from begun_trees
            where begun_trees.skill_tree_id = skill_trees.id
        )
        or exists (
            select from user_skill_tree_progress
            where user_skill_tree_progress.skill_tree_id = skill_trees.id
        )
        or exists (
            select from user_skill_progress
            where user_skill_progress.skill_tree_id = skill_trees.id
        ) as is_begun
    from skill_trees
    where skill_trees.id = %(tree_id)s
)

select
    refuse_old_snapshot(),
    case
        when tree.is_begun then pg_advisory_xact_lock(hashtextextended('edit tree ' || tree.slug, 0))
    end,
    case
        when tree.is_begun then hold_off_learners(tree.id)
        else pg_advisory_xact_lock_shared(hashtextextended('learners of tree ' || tree.id, 0))
    end,
    case
        when tree.is_begun then wait_briefly()
    end
from tree;
