-- Hold off the learners of a skill's tree before editing it: nobody acts in it until the commit. As
-- trees/lock_learners.
with tree as (
    select
        skill_trees.id,
        skill_trees.slug,
        exists(
            select from user_skill_tree_progress
            where user_skill_tree_progress.skill_tree_id = skill_trees.id
        ) as has_learners
    from skills
    inner join skill_trees on skill_trees.id = skills.skill_tree_id
    where skills.id = %(skill_id)s
)

select
    case
        when tree.has_learners then pg_advisory_xact_lock(hashtextextended('edit tree ' || tree.slug, 0))
    end,
    case
        when tree.has_learners then pg_advisory_xact_lock(hashtextextended('learners of tree ' || tree.id, 0))
        else pg_advisory_xact_lock_shared(hashtextextended('learners of tree ' || tree.id, 0))
    end
from tree;
