-- Restore a learner's awards for which the ledger has XP. doctor/withdraw_awards then judges them like all others. If
-- the achievement has been edited since, its former criteria are unknown, and the ledger is trusted.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 89
-- @never Seq Scan on user_achievements, xp_events
insert into user_achievements (user_id, achievement_id, earned_at, metadata)
select
    xp_events.user_id,
    xp_events.source_id as achievement_id,
    xp_events.granted_at as earned_at,
    jsonb_build_object(
        'criteria',
        case
            when
                achievements.updated_at > xp_events.granted_at
                then jsonb_set(achievements.criteria, '{threshold}', '1')
            else achievements.criteria
        end
    ) as metadata
from xp_events
inner join achievements on achievements.id = xp_events.source_id
where
    xp_events.user_id = %(user_id)s
    and xp_events.source_kind = 'ACHIEVEMENT'
order by xp_events.source_id
on conflict (user_id, achievement_id) do nothing
returning user_achievements.achievement_id;
