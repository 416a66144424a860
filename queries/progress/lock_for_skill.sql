-- Hold a learner before working on a skill, and return what they have reached: until the commit nobody else changes
-- that, and no author the tree of the skill. The tree comes first, because an author who holds it may be about to hold
-- learners. Learners share it; only the first ever has it alone, since authors share a tree that nobody has begun
-- (trees/lock_learners).
--
-- @role app_engine
-- @step how every action on a skill begins
-- @drafts the action decides, once nobody else does; a lock tells nothing
-- @budget buffers 19
-- @never Seq Scan on user_profiles
with tree_lock as materialized (
    select
        refuse_old_snapshot(),
        case
            when exists (
                select from begun_trees
                where begun_trees.skill_tree_id = skills.skill_tree_id
            ) then pg_advisory_xact_lock_shared(hashtextextended('learners of tree ' || skills.skill_tree_id, 0))
            else pg_advisory_xact_lock(hashtextextended('learners of tree ' || skills.skill_tree_id, 0))
        end
    from skills
    where skills.id = %(skill_id)s
)

select
    user_profiles.total_xp,
    user_profiles.current_level as level,
    user_profiles.current_streak,
    user_profiles.max_streak
from tree_lock
inner join user_profiles on user_profiles.user_id = %(user_id)s
for no key update of user_profiles;
