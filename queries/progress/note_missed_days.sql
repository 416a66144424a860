-- Insert days on which a learner has learned nothing, before progress/give_days_back makes them count. So the audit
-- trail shows who did that, and why. Known days stay as they are. The learner has been locked before. No row for an
-- unknown learner.
--
-- days  from the year 2000 to the learner's present day
--
-- @role app_service
-- @step the first steps of progress.restore_streak
-- @sample days: array[current_date - 3, current_date - 2]
-- @sample reason: 'a day without the server'
-- @budget buffers 50
-- @never Seq Scan on user_profiles, user_activity_days
with asked as (
    select
        user_profiles.user_id,
        array(
            select day.missed_on
            from unnest(%(days)s::date[]) as day (missed_on)
            order by day.missed_on
        ) as days,
        local_clock(now(), user_profiles.timezone, user_profiles.day_starts_at)::date as today
    from user_profiles
    where user_profiles.user_id = %(user_id)s
),

missed as (
    insert into user_activity_days (user_id, activity_date, is_counted)
    select distinct
        asked.user_id,
        day.missed_on,
        false as is_counted
    from asked
    cross join unnest(asked.days) as day (missed_on)
    where
        asked.today >= all(asked.days)
        and date '2000-01-01' <= all(asked.days)
    order by day.missed_on
    on conflict (user_id, activity_date) do nothing
    returning user_activity_days.activity_date
)

select
    case
        when asked.today < any(asked.days) then 'IN_FUTURE'
        when date '2000-01-01' > any(asked.days) then 'TOO_OLD'
        else 'DONE'
    end as outcome
from asked;
