-- Award a learner every achievement that is due, and the XP it brings. XP from one may bring the next within reach: the
-- thresholds are climbed from the lowest, each with the rewards of all before it. The learner is locked before.
--
-- at  when; null is now
with due as (
    select
        achievements.id,
        achievements.criteria,
        achievements.criterion = 'xp_threshold' and not achievements.is_limited as is_climbed,
        achievement_standings.threshold,
        achievement_standings.value,
        -- What has paid once never pays again.
        case when xp_events.source_id is null then achievements.xp_reward else 0 end as reward
    from achievement_standings
    inner join achievements on achievements.id = achievement_standings.achievement_id
    left join user_achievements
        on
            user_achievements.user_id = achievement_standings.user_id
            and user_achievements.achievement_id = achievement_standings.achievement_id
    left join xp_events
        on
            xp_events.user_id = achievement_standings.user_id
            and xp_events.source_kind = 'ACHIEVEMENT'
            and xp_events.source_id = achievement_standings.achievement_id
    where
        achievement_standings.user_id = %(user_id)s
        and achievements.is_active
        and user_achievements.achievement_id is null
),

reached as (
    select
        due.id,
        due.criteria,
        due.value,
        due.reward
    from due
    where
        not due.is_climbed
        and due.value >= due.threshold
),

step as (
    select
        due.id,
        due.criteria,
        due.reward,
        due.threshold,
        due.value
        + (select coalesce(sum(reached.reward), 0) from reached)
        + coalesce(
            sum(due.reward) over (
                order by due.threshold, due.id
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as value
    from due
    where due.is_climbed
),

climbed as (
    select
        step.id,
        step.criteria,
        step.value,
        step.reward,
        -- Above the first that is out of reach, all are.
        bool_and(step.value >= step.threshold) over (order by step.threshold, step.id) as is_reached
    from step
),

earned as (
    select
        reached.id,
        reached.criteria,
        reached.value,
        reached.reward
    from reached
    union all
    select
        climbed.id,
        climbed.criteria,
        climbed.value,
        climbed.reward
    from climbed
    where climbed.is_reached
),

moment as (
    select
        user_profiles.user_id,
        coalesce(%(at)s::timestamptz, now()) as at,
        (coalesce(%(at)s::timestamptz, now()) at time zone coalesce(user_profiles.timezone, 'UTC'))::date as granted_on
    from user_profiles
    where user_profiles.user_id = %(user_id)s
),

award as (
    insert into user_achievements (user_id, achievement_id, earned_at, metadata)
    select
        moment.user_id,
        earned.id as achievement_id,
        moment.at as earned_at,
        -- By what it was earned, should the criteria change.
        jsonb_build_object('criteria', earned.criteria, 'value', earned.value) as metadata
    from earned
    cross join moment
    on conflict (user_id, achievement_id) do nothing
    returning
        user_achievements.achievement_id,
        user_achievements.earned_at
),

paid_event as (
    insert into xp_events (user_id, source_kind, source_id, xp, granted_at, granted_on)
    select
        moment.user_id,
        'ACHIEVEMENT' as source_kind,
        earned.id as source_id,
        earned.reward as xp,
        moment.at as granted_at,
        moment.granted_on
    from award
    inner join earned on earned.id = award.achievement_id
    cross join moment
    on conflict (user_id, source_kind, source_id) do nothing
    returning
        xp_events.source_id,
        xp_events.xp
),

gain as (
    select sum(paid_event.xp)::integer as xp
    from paid_event
),

updated_profile as (
    update user_profiles
    set
        total_xp = user_profiles.total_xp + gain.xp,
        current_level = greatest(
            user_profiles.current_level,
            (
                select levels.level
                from levels
                where levels.min_xp <= user_profiles.total_xp + gain.xp
                order by levels.min_xp desc
                limit 1
            )
        )
    from gain
    where
        user_profiles.user_id = %(user_id)s
        and gain.xp > 0
    returning user_profiles.user_id
)

select
    achievements.id,
    achievements.name,
    achievements.category,
    achievements.rarity,
    achievements.badge_icon,
    achievements.badge_color,
    coalesce(paid_event.xp, 0) as xp,
    award.earned_at
from award
inner join achievements on achievements.id = award.achievement_id
left join paid_event on paid_event.source_id = award.achievement_id
order by achievements.rarity, achievements.name, achievements.id;
