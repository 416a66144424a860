-- Lock learners out of a tree before its import, as trees/lock_learners, and all other authors. Its slug has been
-- locked before, so that nobody else can create the tree meanwhile.
--
-- @role app_service
-- @step the first steps of import_tree
-- @across asks whether a tree has any learners
-- @budget buffers 15
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with tree as (
    select
        skill_trees.id,
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
    where skill_trees.slug = %(slug)s
)

select
    refuse_old_snapshot(),
    case
        when tree.is_begun then hold_off_learners(tree.id)
        else pg_advisory_xact_lock(hashtextextended('learners of tree ' || tree.id, 0))
    end,
    case
        when tree.is_begun then wait_briefly()
    end
from tree;
