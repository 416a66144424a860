-- Completed skills without an event in the ledger. `expected` is the present XP of the skill.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 42000
-- @never Seq Scan on xp_events
select
    'skill' as subject_kind,
    user_skill_progress.user_id,
    user_skill_progress.skill_id as subject_id,
    'xp event' as what,
    skills.xp_value::text as expected,
    null as found
from user_skill_progress
inner join skills on skills.id = user_skill_progress.skill_id
left join xp_events
    on
        xp_events.user_id = user_skill_progress.user_id
        and xp_events.source_kind = 'SKILL'
        and xp_events.source_id = user_skill_progress.skill_id
where
    user_skill_progress.status = 'COMPLETED'
    and xp_events.user_id is null
order by user_skill_progress.user_id, user_skill_progress.skill_id;
