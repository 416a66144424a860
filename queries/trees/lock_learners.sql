-- Hold off the learners of a tree before editing it: nobody acts in it until the commit.
--
-- In a tree that somebody has begun, authors wait for each other too. One that nobody has begun is shared by its
-- authors, and its first learner waits for all of them (progress/lock_for_skill). To run it twice is to see a first
-- learner who came while it waited.
--
-- @role app_service
-- @step how edits of what counts or gates begin
-- @budget buffers 18
with tree as (
    select
        skill_trees.id,
        skill_trees.slug,
        exists(
            select from begun_trees
            where begun_trees.skill_tree_id = skill_trees.id
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
        when tree.is_begun then pg_advisory_xact_lock(hashtextextended('learners of tree ' || tree.id, 0))
        else pg_advisory_xact_lock_shared(hashtextextended('learners of tree ' || tree.id, 0))
    end
from tree;
