-- Count a streak anew when a day before the last one may have closed a gap: after a late report, or a journey west.
--
-- at  when the learning happened; null is now
update user_profiles
set
    (current_streak, max_streak) = (
        select
            coalesce(max(streaks.days) filter (where streaks.ends_on = user_profiles.last_activity_on), 0),
            coalesce(max(streaks.days), 0)
        from streaks
        where streaks.user_id = %(user_id)s
    )
where
    user_profiles.user_id = %(user_id)s
    and (coalesce(%(at)s::timestamptz, now()) at time zone coalesce(user_profiles.timezone, 'UTC'))::date
    < user_profiles.last_activity_on
returning user_profiles.user_id;
