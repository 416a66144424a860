-- What a learner did on each day from one date to another, both included. A day without activity has a row, too. No row
-- for an unknown learner.
--
-- @sample since: current_date - 30
-- @sample until: current_date
-- @budget buffers 79
-- @never Seq Scan on user_activity_days, user_profiles, xp_events
with paid as (
    select
        xp_events.granted_on,
        count(*) filter (where xp_events.source_kind = 'SKILL') as skills_completed,
        sum(xp_events.xp) as xp
    from xp_events
    where
        xp_events.user_id = %(user_id)s
        and xp_events.granted_on between %(since)s::date and %(until)s::date
        -- For the index, which is on granted_at. A local date differs from the UTC date by one day at most.
        and xp_events.granted_at >= (%(since)s::date - 1)::timestamp at time zone 'UTC'
        and xp_events.granted_at < (%(until)s::date + 2)::timestamp at time zone 'UTC'
    group by xp_events.granted_on
),

day as materialized (
    select %(since)s::date + later as activity_date
    from user_profiles
    cross join generate_series(0, %(until)s::date - %(since)s::date) as later
    where user_profiles.user_id = %(user_id)s
)

select
    day.activity_date,
    coalesce(user_activity_days.minutes, 0) as minutes,
    coalesce(paid.skills_completed, 0) as skills_completed,
    coalesce(paid.xp, 0) as xp,
    user_activity_days.excuse is not null as is_given_back
from day
left join user_activity_days
    on
        user_activity_days.user_id = %(user_id)s
        and user_activity_days.activity_date = day.activity_date
        -- In sub-selects, because a null date must not make this ON false for the planner of a distributed server.
        and user_activity_days.activity_date between (select %(since)s::date) and (select %(until)s::date)
left join paid on paid.granted_on = day.activity_date
order by day.activity_date;
