-- Make days count in a learner's streaks, and return the ones that did not count before: missed days, and days that
-- only join other days.
--
-- days    from the year 2000 to the learner's present day
-- reason  the reason, which the learner and the audit trail show
--
-- @role app_service
-- @step a step of progress.restore_streak
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
