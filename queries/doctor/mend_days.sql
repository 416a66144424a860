-- Insert the days on which a learner has completed a skill, according to the ledger. Their minutes are unknown.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 600
-- @never Seq Scan on user_activity_days, xp_events
insert into user_activity_days (user_id, activity_date, learnt_at)
select
    xp_events.user_id,
    xp_events.granted_on,
    min(xp_events.granted_at) as learnt_at
from xp_events
where
    xp_events.user_id = %(user_id)s
    and xp_events.source_kind = 'SKILL'
group by xp_events.user_id, xp_events.granted_on
order by xp_events.granted_on
on conflict (user_id, activity_date) do nothing
returning user_activity_days.activity_date;
