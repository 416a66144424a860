-- Profiles of learners by their ids, in any order.
--
-- @role app_service
-- @across reads several profiles
-- @sample user_ids: array[%(user_id)s::uuid]
-- @budget buffers 24
select
    user_profiles.user_id,
    user_profiles.bio,
    user_profiles.location,
    user_profiles.website,
    user_profiles.timezone,
    user_profiles.day_starts_at,
    user_profiles.learning_goals,
    user_profiles.interests,
    user_profiles.preferences,
    user_profiles.is_on_leaderboard,
    user_profiles.total_xp,
    user_profiles.current_level,
    case
        when
            streak_goes_on(
                user_profiles.last_activity_on,
                user_profiles.last_activity_at,
                user_profiles.last_activity_offset,
                now(),
                local_clock(now(), user_profiles.timezone, user_profiles.day_starts_at)
            )
            then user_profiles.current_streak
        else 0
    end as current_streak,
    user_profiles.max_streak,
    user_profiles.last_activity_at,
    user_profiles.last_activity_on,
    user_profiles.skills_completed,
    user_profiles.hours_learned,
    user_profiles.trees_started,
    user_profiles.trees_completed,
    user_profiles.created_at,
    user_profiles.updated_at
from user_profiles
where user_profiles.user_id = any(%(user_ids)s::uuid[])
order by user_profiles.user_id;
