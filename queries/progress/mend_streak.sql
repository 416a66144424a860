-- Count a streak anew when a day before the last one may have closed a gap: after a late report, or a journey west.
--
-- at  when the learning happened; null is now
with counted as (
    select
        user_profiles.user_id,
        coalesce(max(streaks.days), 0) as longest,
        coalesce(max(streaks.days) filter (where streaks.ends_on = user_profiles.last_activity_on), 0) as latest
    from user_profiles
    inner join streaks on streaks.user_id = user_profiles.user_id
    where
        user_profiles.user_id = %(user_id)s
        and (coalesce(%(at)s::timestamptz, now()) at time zone coalesce(user_profiles.timezone, 'UTC'))::date
        < user_profiles.last_activity_on
    group by user_profiles.user_id
)

update user_profiles
set
    current_streak = counted.latest,
    max_streak = counted.longest
from counted
where
    user_profiles.user_id = counted.user_id
    and row(user_profiles.current_streak, user_profiles.max_streak) is distinct from row(
        counted.latest, counted.longest
    )
returning user_profiles.user_id;
