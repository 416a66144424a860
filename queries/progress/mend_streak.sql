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
        coalesce(max(streaks.days) filter (where streaks.ends_on = user_profiles.last_activity_on), 0) as latest,
        max(streaks.begins_on) filter (where streaks.ends_on = user_profiles.last_activity_on) as begins_on
    from user_profiles
    inner join streaks on streaks.user_id = %(user_id)s
    where
        user_profiles.user_id = %(user_id)s
        and local_clock(
            coalesce(%(at)s::timestamptz, now()), user_profiles.timezone, user_profiles.day_starts_at
        )::date < user_profiles.last_activity_on
    having count(*) > 0
),

started as (
    select
        min(
            coalesce(user_activity_days.learnt_at, user_activity_days.activity_date::timestamp at time zone 'UTC')
        ) as at
    from counted
    inner join user_activity_days
        on
            user_activity_days.user_id = %(user_id)s
            and user_activity_days.activity_date >= counted.begins_on
            and user_activity_days.is_counted
)

update user_profiles
set
    current_streak = counted.latest,
    streak_started_at = started.at,
    max_streak = counted.longest,
    updated_at = now()
from counted
cross join started
where
    user_profiles.user_id = %(user_id)s
    and row(user_profiles.current_streak, user_profiles.max_streak, user_profiles.streak_started_at)
    is distinct from row(counted.latest, counted.longest, started.at)
returning user_profiles.user_id;
