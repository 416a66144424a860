-- Lock learners out of a skill's tree before an edit: nobody acts in it until the commit. As trees/lock_learners.
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
    from skills
    inner join skill_trees on skill_trees.id = skills.skill_tree_id
    where skills.id = %(skill_id)s
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
