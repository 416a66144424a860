-- Awards that the learner has not earned, and awards without an event in the ledger. An award is judged by the
-- threshold stored with it. If the achievement counts something else by now, the old value cannot be computed, and the
-- value stored with the award is trusted. No award is earned by its own XP.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @notnull expected: achievements_criteria_form allows no criteria without a threshold
-- @notnull what: achievements_criteria_form allows no criteria without a type
-- @budget buffers 1800000
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
        achievements.criterion = 'xp_threshold'
        and not achievements.is_limited
        and noted.criteria - 'threshold' = achievements.criteria - 'threshold' as is_climbed,
        coalesce(xp_events.xp, 0) as xp,
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
),

-- Thresholds of XP are checked from the lowest up, each with the rewards of those before it and without its own.
step as (
    select
        award.user_id,
        award.achievement_id,
        award.criterion,
        award.xp_reward,
        award.threshold,
        award.lacks_event,
        award.is_climbed,
        case
            when award.is_climbed
                then award.value - sum(award.xp) over (
                    partition by award.user_id, award.is_climbed
                    order by award.threshold, award.achievement_id
                    rows between current row and unbounded following
                )
            else award.value
        end as value
    from award
),

judged as (
    select
        step.user_id,
        step.achievement_id,
        step.criterion,
        step.xp_reward,
        step.threshold,
        step.lacks_event,
        step.value,
        case
            -- Above the first threshold out of reach, all are out of reach.
            when step.is_climbed
                then bool_and(step.value >= step.threshold) over (
                    partition by step.user_id, step.is_climbed
                    order by step.threshold, step.achievement_id
                )
            else coalesce(step.value >= step.threshold, true)
        end as is_earned
    from step
),

-- The ledger lacks XP of these learners that may have earned it (doctor/completed_skill_has_event).
underpaid as materialized (
    select distinct user_skill_progress.user_id
    from judged
    inner join user_skill_progress
        on
            user_skill_progress.user_id = judged.user_id
            and user_skill_progress.status = 'COMPLETED'
    left join xp_events
        on
            xp_events.user_id = user_skill_progress.user_id
            and xp_events.source_kind = 'SKILL'
            and xp_events.source_id = user_skill_progress.skill_id
    where
        not judged.is_earned
        and xp_events.user_id is null
)

select
    'achievement' as subject_kind,
    judged.user_id,
    judged.achievement_id as subject_id,
    judged.criterion as what,
    judged.threshold::text as expected,
    judged.value::text as found
from judged
where
    not judged.is_earned
    and judged.user_id not in (select underpaid.user_id from underpaid)
union all
select
    'achievement' as subject_kind,
    judged.user_id,
    judged.achievement_id as subject_id,
    'xp event' as what,
    judged.xp_reward::text as expected,
    null as found
from judged
where
    judged.lacks_event
    and judged.is_earned
order by user_id, subject_id, what;
