-- Count a learner's streaks again from the days. The learner has been locked before.
--
-- @role app_service
-- @step a step of progress.restore_streak
-- @budget buffers 60
-- @never Seq Scan on user_activity_days, user_profiles
with counted as (
    select
        (array_agg(streaks.days order by streaks.ends_on desc))[1] as latest,
        (array_agg(streaks.begins_on order by streaks.ends_on desc))[1] as begins_on,
        max(streaks.days) as longest,
        max(streaks.ends_on) as latest_on
    from streaks
    where streaks.user_id = %(user_id)s
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
    last_activity_on = counted.latest_on,
    updated_at = now()
from counted
cross join started
where
    user_profiles.user_id = %(user_id)s
    and row(
        user_profiles.current_streak,
        user_profiles.streak_started_at,
        user_profiles.max_streak,
        user_profiles.last_activity_on
    ) is distinct from row(counted.latest, started.at, counted.longest, counted.latest_on)
returning user_profiles.user_id;
