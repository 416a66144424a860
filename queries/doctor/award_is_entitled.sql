-- Awards that the learner has not earned, and awards that the ledger does not know of. An award is judged by the
-- threshold noted with it. Where the achievement counts something else by now, which can no longer be counted, the
-- value noted with the award is believed.
with award as (
    select
        user_achievements.user_id,
        user_achievements.achievement_id,
        achievements.criteria ->> 'type' as type,
        achievements.xp_reward,
        coalesce(user_achievements.metadata #>> '{criteria,threshold}', achievements.criteria ->> 'threshold')::numeric
            as threshold,
        case
            when
                coalesce(user_achievements.metadata -> 'criteria', achievements.criteria) - 'threshold'
                = achievements.criteria - 'threshold'
                then achievement_standings.value
            else (user_achievements.metadata ->> 'value')::numeric
        end as value,
        xp_events.user_id is null as lacks_event
    from user_achievements
    inner join achievements on achievements.id = user_achievements.achievement_id
    inner join achievement_standings
        on
            achievement_standings.user_id = user_achievements.user_id
            and achievement_standings.achievement_id = user_achievements.achievement_id
    left join xp_events
        on
            xp_events.user_id = user_achievements.user_id
            and xp_events.source_kind = 'ACHIEVEMENT'
            and xp_events.source_id = user_achievements.achievement_id
)

select
    'achievement' as subject_kind,
    award.user_id,
    award.achievement_id as subject_id,
    award.type as what,
    award.threshold::text as expected,
    award.value::text as found
from award
where award.value < award.threshold
union all
select
    'achievement' as subject_kind,
    award.user_id,
    award.achievement_id as subject_id,
    'xp event' as what,
    award.xp_reward::text as expected,
    null as found
from award
where
    award.lacks_event
    and award.value >= award.threshold
order by user_id, subject_id, what;
