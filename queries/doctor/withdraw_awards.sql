-- Withdraw the awards that a learner has not earned, with their XP, by the rules of doctor/award_is_entitled. Without
-- that XP other thresholds may be out of reach. So thresholds are checked from the lowest up, each with the rewards of
-- those before it and without its own. The profile is counted before and after this step.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 300
-- @never Seq Scan on user_achievements, user_profiles, xp_events
with noted as (
    select
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
    where user_achievements.user_id = %(user_id)s
),

award as (
    select
        noted.achievement_id,
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
        xp_events.xp
    from noted
    inner join achievements on achievements.id = noted.achievement_id
    inner join achievement_standings on achievement_standings.achievement_id = noted.achievement_id
    inner join xp_events
        on
            xp_events.source_kind = 'ACHIEVEMENT'
            and xp_events.source_id = noted.achievement_id
    where
        achievement_standings.user_id = %(user_id)s
        and xp_events.user_id = %(user_id)s
),

unearned as (
    select
        award.achievement_id,
        award.xp
    from award
    where
        not award.is_climbed
        and award.value < award.threshold
),

step as (
    select
        award.achievement_id,
        award.threshold,
        award.value
        - (select coalesce(sum(unearned.xp), 0) from unearned)
        - sum(award.xp) over (
            order by award.threshold, award.achievement_id
            rows between current row and unbounded following
        ) as value
    from award
    where award.is_climbed
),

fallen as (
    select
        step.achievement_id,
        -- Above the first threshold out of reach, all are out of reach.
        not bool_and(step.value >= step.threshold) over (order by step.threshold, step.achievement_id) as is_fallen
    from step
),

withdrawn as (
    select unearned.achievement_id
    from unearned
    union all
    select fallen.achievement_id
    from fallen
    where fallen.is_fallen
),

removed_award as (
    delete from user_achievements
    where
        user_achievements.user_id = %(user_id)s
        and user_achievements.achievement_id in (select withdrawn.achievement_id from withdrawn)
    returning user_achievements.achievement_id
)

delete from xp_events
where
    xp_events.user_id = %(user_id)s
    and xp_events.source_kind = 'ACHIEVEMENT'
    and xp_events.source_id in (select removed_award.achievement_id from removed_award)
returning xp_events.source_id;
