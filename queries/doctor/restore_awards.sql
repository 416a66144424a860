-- Give back to a learner the awards that the ledger has paid for. Whether they are earned is judged afterwards, as of
-- any award (doctor/withdraw_awards); but where the achievement has been edited since, what it asked for then is not
-- known any more, and the ledger is believed.
--
-- @role app_service
-- @step how doctor.repair mends
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
