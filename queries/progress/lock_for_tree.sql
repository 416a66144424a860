-- Hold a learner before working on a tree: as progress/lock_for_skill.
with tree as (
    select
        skill_trees.id,
        exists(
            select from begun_trees
            where begun_trees.skill_tree_id = skill_trees.id
        ) as is_begun
    from skill_trees
    where skill_trees.id = %(tree_id)s
),

tree_lock as materialized (
    select
        tree.id,
        tree.is_begun,
        refuse_old_snapshot(),
        case
            when tree.is_begun then pg_advisory_xact_lock_shared(hashtextextended('learners of tree ' || tree.id, 0))
            else pg_advisory_xact_lock(hashtextextended('learners of tree ' || tree.id, 0))
        end
    from tree
),

-- Unless it was deleted meanwhile.
new_tree as (
    select skill_trees.id
    from tree_lock
    inner join skill_trees on skill_trees.id = tree_lock.id
    where not tree_lock.is_begun
    for key share of skill_trees
),

begun_tree as (
    insert into begun_trees (skill_tree_id)
    select new_tree.id
    from new_tree
    on conflict (skill_tree_id) do nothing
    returning begun_trees.skill_tree_id
)

select
    user_profiles.total_xp,
    user_profiles.current_level as level,
    user_profiles.current_streak,
    user_profiles.max_streak
from tree_lock
inner join user_profiles on user_profiles.user_id = %(user_id)s
for no key update of user_profiles;
