-- Lock a learner before an action on a skill, and return the learner's results. Until the commit, nobody else changes
-- them, and no author edits the skill's tree. The tree is locked first, because an author who has locked it may lock
-- learners next. Learners share its lock. Only its very first learner takes it exclusively, because authors share the
-- lock of a tree that nobody has started (trees/lock_learners).
--
-- @role app_engine
-- @step the first step of every action on a skill
-- @drafts the next statement decides whether the learner may act; a lock shows nothing
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
