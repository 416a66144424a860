-- Change what learners write about themselves and what has no further effects.
--
-- changes  a JSON object of the columns to change; the others keep their value
--
-- @sample changes: '{"bio": "Another one."}'
-- @budget buffers 40
-- @never Seq Scan on user_profiles
update user_profiles
set
    (bio, location, website, timezone, day_starts_at, learning_goals, interests, preferences) = (
        select
            changed.bio,
            changed.location,
            changed.website,
            changed.timezone,
            changed.day_starts_at,
            changed.learning_goals,
            changed.interests,
            changed.preferences
        from jsonb_populate_record(user_profiles, %(changes)s::jsonb) as changed
    ),
    updated_at = now()
where user_profiles.user_id = %(user_id)s
returning
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
            -- The update has set updated_at to now().
            streak_goes_on(
                user_profiles.last_activity_on,
                user_profiles.last_activity_at,
                user_profiles.last_activity_offset,
                user_profiles.updated_at,
                local_clock(user_profiles.updated_at, user_profiles.timezone, user_profiles.day_starts_at)
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
    user_profiles.updated_at;
