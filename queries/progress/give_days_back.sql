-- Let days count in a learner's streaks that do not, and return them: those missed, and those that only join others.
--
-- days    from the year 2000 up to the learner's today
-- reason  why, for the learner and the trail
--
-- @role app_service
-- @step what progress.restore_streak does
-- @after progress/note_missed_days
-- @sample days: array[current_date - 3, current_date - 2]
-- @sample reason: 'a day without the server'
-- @budget buffers 60
-- @never Seq Scan on user_profiles, user_activity_days
with learner as (
    select local_clock(now(), user_profiles.timezone, user_profiles.day_starts_at)::date as today
    from user_profiles
    where user_profiles.user_id = %(user_id)s
)

update user_activity_days
set
    is_counted = true,
    excuse = %(reason)s
from learner
where
    user_activity_days.user_id = %(user_id)s
    and user_activity_days.activity_date = any(%(days)s::date[])
    and not user_activity_days.is_counted
    and learner.today >= all(%(days)s::date[])
    and date '2000-01-01' <= all(%(days)s::date[])
returning user_activity_days.activity_date;
