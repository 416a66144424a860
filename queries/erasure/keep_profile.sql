-- Copy the results in the profile of an erased learner, without what the learner wrote about themselves.
--
-- nobody_id  the account that gets it
--
-- @role app_service
-- @across kept rows move to another account
-- @after erasure/keep_account
-- @budget buffers 33
-- @never Seq Scan on user_profiles
insert into user_profiles (
    user_id,
    is_on_leaderboard,
    total_xp,
    current_level,
    current_streak,
    max_streak,
    streak_started_at,
    last_activity_at,
    last_activity_on,
    skills_completed,
    hours_learned,
    trees_started,
    trees_completed,
    created_at,
    updated_at
)
select
    %(nobody_id)s::uuid,
    false,
    user_profiles.total_xp,
    user_profiles.current_level,
    user_profiles.current_streak,
    user_profiles.max_streak,
    date_trunc('day', user_profiles.streak_started_at, 'UTC'),
    date_trunc('day', user_profiles.last_activity_at, 'UTC'),
    user_profiles.last_activity_on,
    user_profiles.skills_completed,
    user_profiles.hours_learned,
    user_profiles.trees_started,
    user_profiles.trees_completed,
    date_trunc('day', user_profiles.created_at, 'UTC'),
    date_trunc('day', user_profiles.updated_at, 'UTC')
from user_profiles
where user_profiles.user_id = %(user_id)s
returning user_profiles.user_id;
