-- Hold off the learners of a tree before editing it: nobody acts in it until the commit. Raises TreeBusy when somebody
-- has been at work for longer than authors wait; learners go on meanwhile, and wait only briefly for whatever else this
-- transaction waits for.
--
-- In a tree that somebody has begun, authors wait for each other too. One that nobody has begun is shared by its
-- authors, and its first learner waits for all of them (progress/lock_for_skill). To run it twice is to see a first
-- learner who came while it waited. What learners have done there tells of them, should the tree not be noted as begun.
--
-- @role app_service
-- @step how edits of what counts or gates begin
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
