-- Rows that refer to an account, category, tree, skill or achievement that does not exist, as after an incomplete
-- restore. `found` is their number. No repair can know whose they were, or whether the missing rows can be recovered.
-- no_orphan reports dangling ids of skills.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 35000
with lost as (
    select
        'user_profiles' as table_name,
        'account' as subject_kind,
        user_profiles.user_id as subject_id,
        count(*) as lost_rows
    from user_profiles
    left join users on users.id = user_profiles.user_id
    where users.id is null
    group by user_profiles.user_id
    union all
    select
        'user_sessions' as table_name,
        'account' as subject_kind,
        user_sessions.user_id as subject_id,
        count(*) as lost_rows
    from user_sessions
    left join users on users.id = user_sessions.user_id
    where users.id is null
    group by user_sessions.user_id
    union all
    select
        'user_skill_tree_progress' as table_name,
        'account' as subject_kind,
        user_skill_tree_progress.user_id as subject_id,
        count(*) as lost_rows
    from user_skill_tree_progress
    left join users on users.id = user_skill_tree_progress.user_id
    where users.id is null
    group by user_skill_tree_progress.user_id
    union all
    select
        'user_skill_progress' as table_name,
        'account' as subject_kind,
        user_skill_progress.user_id as subject_id,
        count(*) as lost_rows
    from user_skill_progress
    left join users on users.id = user_skill_progress.user_id
    where users.id is null
    group by user_skill_progress.user_id
    union all
    select
        'user_achievements' as table_name,
        'account' as subject_kind,
        user_achievements.user_id as subject_id,
        count(*) as lost_rows
    from user_achievements
    left join users on users.id = user_achievements.user_id
    where users.id is null
    group by user_achievements.user_id
    union all
    select
        'user_activity_days' as table_name,
        'account' as subject_kind,
        user_activity_days.user_id as subject_id,
        count(*) as lost_rows
    from user_activity_days
    left join users on users.id = user_activity_days.user_id
    where users.id is null
    group by user_activity_days.user_id
    union all
    select
        'xp_events' as table_name,
        'account' as subject_kind,
        xp_events.user_id as subject_id,
        count(*) as lost_rows
    from xp_events
    left join users on users.id = xp_events.user_id
    where users.id is null
    group by xp_events.user_id
    union all
    select
        'skill_trees' as table_name,
        'category' as subject_kind,
        skill_trees.category_id as subject_id,
        count(*) as lost_rows
    from skill_trees
    left join skill_categories on skill_categories.id = skill_trees.category_id
    where skill_categories.id is null
    group by skill_trees.category_id
    union all
    select
        'skills' as table_name,
        'tree' as subject_kind,
        skills.skill_tree_id as subject_id,
        count(*) as lost_rows
    from skills
    left join skill_trees on skill_trees.id = skills.skill_tree_id
    where skill_trees.id is null
    group by skills.skill_tree_id
    union all
    select
        'user_skill_tree_progress' as table_name,
        'tree' as subject_kind,
        user_skill_tree_progress.skill_tree_id as subject_id,
        count(*) as lost_rows
    from user_skill_tree_progress
    left join skill_trees on skill_trees.id = user_skill_tree_progress.skill_tree_id
    where skill_trees.id is null
    group by user_skill_tree_progress.skill_tree_id
    union all
    select
        'begun_trees' as table_name,
        'tree' as subject_kind,
        begun_trees.skill_tree_id as subject_id,
        count(*) as lost_rows
    from begun_trees
    left join skill_trees on skill_trees.id = begun_trees.skill_tree_id
    where skill_trees.id is null
    group by begun_trees.skill_tree_id
    union all
    select
        'skills, as the parent' as table_name,
        'skill' as subject_kind,
        skills.parent_skill_id as subject_id,
        count(*) as lost_rows
    from skills
    left join skills as parent
        on
            parent.id = skills.parent_skill_id
            and parent.skill_tree_id = skills.skill_tree_id
    where
        skills.parent_skill_id is not null
        and parent.id is null
    group by skills.parent_skill_id
    union all
    select
        'user_skill_progress' as table_name,
        'skill' as subject_kind,
        user_skill_progress.skill_id as subject_id,
        count(*) as lost_rows
    from user_skill_progress
    left join skills on skills.id = user_skill_progress.skill_id
    where skills.id is null
    group by user_skill_progress.skill_id
    union all
    select
        'user_achievements' as table_name,
        'achievement' as subject_kind,
        user_achievements.achievement_id as subject_id,
        count(*) as lost_rows
    from user_achievements
    left join achievements on achievements.id = user_achievements.achievement_id
    where achievements.id is null
    group by user_achievements.achievement_id
)

select
    lost.subject_kind,
    null::uuid as user_id,
    lost.subject_id,
    'rows in ' || lost.table_name as what,
    'one that is there' as expected,
    lost.lost_rows || ' rows' as found
from lost
order by lost.subject_kind, lost.subject_id, what;
