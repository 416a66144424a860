-- Count a streak anew when a day before the last one may have closed a gap: after a late report, or a journey west.
--
-- at  when the learning happened; null is now
--
-- @role app_engine
-- @step what follows from every action on a skill but its completion
-- @sample at: now() - interval '5 days'
-- @budget buffers 15
-- @never Seq Scan on user_activity_days, user_profiles
with counted as (
    select
        coalesce(max(streaks.days), 0) as longest,
        coalesce(max(streaks.days) filter (where streaks.ends_on = user_profiles.last_activity_on), 0) as latest
    from user_profiles
    inner join streaks on streaks.user_id = %(user_id)s
    where
        user_profiles.user_id = %(user_id)s
        and (coalesce(%(at)s::timestamptz, now()) at time zone coalesce(user_profiles.timezone, 'UTC'))::date
        < user_profiles.last_activity_on
    having count(*) > 0
)

update user_profiles
set
    current_streak = counted.latest,
    max_streak = counted.longest
from counted
where
    user_profiles.user_id = %(user_id)s
    and row(user_profiles.current_streak, user_profiles.max_streak) is distinct from row(
        counted.latest, counted.longest
    )
returning user_profiles.user_id;
