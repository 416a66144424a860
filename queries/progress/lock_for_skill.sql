-- Hold a learner before working on a skill, and return what they have reached: until the commit nobody else changes
-- that, and no author the tree of the skill. The tree comes first, because an author who holds it may be about to hold
-- learners. Learners share it; only the first ever has it alone, since authors share a tree that nobody has begun
-- (trees/lock_learners).
with tree as (
    select
        skills.skill_tree_id as id,
        exists(
            select from begun_trees
            where begun_trees.skill_tree_id = skills.skill_tree_id
        ) as is_begun
    from skills
    where skills.id = %(skill_id)s
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
