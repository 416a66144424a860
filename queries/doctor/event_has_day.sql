-- Skills completed according to the ledger on a day that is missing in the learner's days of activity.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @notnull expected: the day is finite, which to_char requires
-- @budget buffers 30000
select
    'skill' as subject_kind,
    xp_events.user_id,
    xp_events.source_id as subject_id,
    'activity day' as what,
    to_char(xp_events.granted_on, 'YYYY-MM-DD') as expected,
    null as found
from xp_events
left join user_activity_days
    on
        user_activity_days.user_id = xp_events.user_id
        and user_activity_days.activity_date = xp_events.granted_on
where
    xp_events.source_kind = 'SKILL'
    and user_activity_days.user_id is null
order by xp_events.user_id, xp_events.source_id;
