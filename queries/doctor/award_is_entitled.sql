-- Awards that the learner has not earned, and awards that the ledger does not know of. An award is judged by the
-- threshold noted with it. Where the achievement counts something else by now, which can no longer be counted, the
-- value noted with the award is believed.
--
-- @role app_service
-- @step an invariant, which doctor.examine and doctor.repair look through
-- @across looks through all learners
-- @notnull what: achievements_criteria_form allows no criteria without a type
-- @budget buffers 1600000
-- @never Seq Scan on user_achievements, user_profiles, xp_events
with noted as (
    select
        user_achievements.user_id,
        user_achievements.achievement_id,
        case
            when jsonb_typeof(user_achievements.metadata -> 'criteria') = 'object'
                then user_achievements.metadata -> 'criteria'
            else achievements.criteria
        end as criteria,
        case
            when jsonb_typeof(user_achievements.metadata -> 'value') = 'number'
                then (user_achievements.metadata -> 'value')::numeric
        end as value
    from user_achievements
    inner join achievements on achievements.id = user_achievements.achievement_id
),

award as (
    select
        noted.user_id,
        noted.achievement_id,
        achievements.criterion,
        achievements.xp_reward,
        case
            when jsonb_typeof(noted.criteria -> 'threshold') = 'number' then (noted.criteria -> 'threshold')::numeric
            else achievements.threshold
        end as threshold,
        case
            when noted.criteria - 'threshold' = achievements.criteria - 'threshold' then achievement_standings.value
            else noted.value
        end as value,
        xp_events.user_id is null as lacks_event
    from noted
    inner join achievements on achievements.id = noted.achievement_id
    inner join achievement_standings
        on
            achievement_standings.user_id = noted.user_id
            and achievement_standings.achievement_id = noted.achievement_id
    left join xp_events
        on
            xp_events.user_id = noted.user_id
            and xp_events.source_kind = 'ACHIEVEMENT'
            and xp_events.source_id = noted.achievement_id
)

select
    'achievement' as subject_kind,
    award.user_id,
    award.achievement_id as subject_id,
    award.criterion as what,
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
    and coalesce(award.value >= award.threshold, true)
order by user_id, subject_id, what;
