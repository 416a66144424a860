-- Award a learner every achievement that is due, and the XP it brings. XP from one may bring the next within reach: the
-- thresholds are climbed from the lowest, each with the rewards of all before it. The learner is locked before.
--
-- skill_id  the skill that has been worked on: achievements limited to others are not looked at; null looks at all
-- at        when; null is now
with learner as (
    select
        user_profiles.total_xp,
        user_profiles.max_streak,
        coalesce(%(at)s::timestamptz, now()) as at,
        (coalesce(%(at)s::timestamptz, now()) at time zone coalesce(user_profiles.timezone, 'UTC'))::date as granted_on,
        (
            select count(*)
            from xp_events
            where
                xp_events.user_id = %(user_id)s
                and xp_events.source_kind = 'SKILL'
        ) as skills
    from user_profiles
    where user_profiles.user_id = %(user_id)s
),

candidate as (
    select
        achievements.id,
        achievements.criteria,
        achievements.criterion,
        achievements.threshold,
        achievements.is_limited,
        achievements.xp_reward
    from achievements
    left join xp_events
        on
            xp_events.user_id = %(user_id)s
            and xp_events.source_kind = 'SKILL'
            and xp_events.source_id = %(skill_id)s
    where
        achievements.is_active
        and not exists (
            select from user_achievements
            where
                user_achievements.user_id = %(user_id)s
                and user_achievements.achievement_id = achievements.id
        )
        -- Within a limit, only a skill within it brings anybody nearer.
        and (
            not achievements.is_limited
            or %(skill_id)s::uuid is null
            or (
                (achievements.for_category_id is null or achievements.for_category_id = xp_events.category_id)
                and (achievements.for_tree_id is null or achievements.for_tree_id = xp_events.skill_tree_id)
                and (achievements.for_difficulty is null or achievements.for_difficulty = xp_events.difficulty::text)
                and (achievements.for_skill_type is null or achievements.for_skill_type = xp_events.skill_type::text)
            )
        )
),

valued as materialized (
    select
        candidate.id,
        candidate.criteria,
        candidate.threshold,
        candidate.criterion = 'xp_threshold' and not candidate.is_limited as is_climbed,
        case
            when candidate.is_limited
                then (
                    select achievement_standings.value
                    from achievement_standings
                    where
                        achievement_standings.user_id = %(user_id)s
                        and achievement_standings.achievement_id = candidate.id
                )
            when candidate.criterion = 'skill_completion_count' then learner.skills
            when candidate.criterion = 'xp_threshold' then learner.total_xp
            else learner.max_streak
        end as value,
        -- What has paid once never pays again.
        case
            when exists (
                select from xp_events
                where
                    xp_events.user_id = %(user_id)s
                    and xp_events.source_kind = 'ACHIEVEMENT'
                    and xp_events.source_id = candidate.id
            ) then 0
            else candidate.xp_reward
        end as reward
    from candidate
    cross join learner
),

-- First what is reached whatever it pays, then the thresholds of XP from the lowest, each with the rewards of all
-- before.
climbed as (
    select
        valued.id,
        valued.criteria,
        valued.threshold,
        valued.is_climbed,
        valued.reward,
        valued.value
        + case
            when valued.is_climbed
                then coalesce(
                    sum(valued.reward) over (
                        order by valued.is_climbed, valued.threshold, valued.id
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            else 0
        end as value
    from valued
    where
        valued.is_climbed
        or valued.value >= valued.threshold
),

earned as (
    select
        step.id,
        step.criteria,
        step.value,
        step.reward
    from (
        select
            climbed.id,
            climbed.criteria,
            climbed.value,
            climbed.reward,
            -- Above the first that is out of reach, all are.
            bool_and(climbed.value >= climbed.threshold) over (
                order by climbed.is_climbed, climbed.threshold, climbed.id
            ) as is_reached
        from climbed
    ) as step
    where step.is_reached
),

award as (
    insert into user_achievements (user_id, achievement_id, earned_at, metadata)
    select
        %(user_id)s,
        earned.id as achievement_id,
        learner.at as earned_at,
        -- By what it was earned, should the criteria change.
        jsonb_build_object('criteria', earned.criteria, 'value', earned.value) as metadata
    from earned
    cross join learner
    on conflict (user_id, achievement_id) do nothing
    returning
        user_achievements.achievement_id,
        user_achievements.earned_at
),

paid_event as (
    insert into xp_events (user_id, source_kind, source_id, xp, granted_at, granted_on)
    select
        %(user_id)s,
        'ACHIEVEMENT' as source_kind,
        earned.id as source_id,
        earned.reward as xp,
        learner.at as granted_at,
        learner.granted_on
    from award
    inner join earned on earned.id = award.achievement_id
    cross join learner
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
