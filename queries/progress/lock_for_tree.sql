-- Lock a learner before an action on a tree, as progress/lock_for_skill.
--
-- @role app_engine
-- @step the first step of every action on a tree
-- @drafts the next statement decides whether the learner may act; a lock shows nothing
-- @budget buffers 19
-- @never Seq Scan on user_profiles
with tree_lock as materialized (
    select
        refuse_old_snapshot(),
        case
            when exists (
                select from begun_trees
                where begun_trees.skill_tree_id = skill_trees.id
            ) then pg_advisory_xact_lock_shared(hashtextextended('learners of tree ' || skill_trees.id, 0))
            else pg_advisory_xact_lock(hashtextextended('learners of tree ' || skill_trees.id, 0))
        end
    from skill_trees
    where skill_trees.id = %(tree_id)s
)

select
    user_profiles.total_xp,
    user_profiles.current_level as level,
    user_profiles.current_streak,
    user_profiles.max_streak
from tree_lock
inner join user_profiles on user_profiles.user_id = %(user_id)s
for no key update of user_profiles;
