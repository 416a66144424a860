-- Award a learner every achievement that is due, and the XP it brings. XP from one may bring the next within reach: the
-- thresholds are climbed from the lowest, each with the rewards of all before it. The learner is locked before.
--
-- skill_id  the skill that has just been learnt: achievements limited to others are not looked at; null looks at all,
--           whatever this transaction has done
-- at        when; null is now
--
-- @role app_engine
-- @step what follows from an action on a skill but its completion, from a repair and from a back-fill
-- @after progress/record_activity
-- @budget buffers 46
-- @never Seq Scan on user_achievements, user_profiles, xp_events
with learner as (
    select
        user_profiles.total_xp,
        user_profiles.max_streak,
        coalesce(%(at)s::timestamptz, now()) as at,
        local_clock(
            coalesce(%(at)s::timestamptz, now()), user_profiles.timezone, user_profiles.day_starts_at
        )::date as granted_on,
        (
            select count(*)
            from xp_events
            where
                xp_events.user_id = %(user_id)s
                and xp_events.source_kind = 'SKILL'
        ) as skills
    from user_profiles
    where
        user_profiles.user_id = %(user_id)s
        -- What was refused, or was done before, has not touched the profile in this transaction: it awards nothing.
        and (%(skill_id)s::uuid is null or user_profiles.updated_at = now())
),

valued as (
    select
        achievements.id,
        achievements.name,
        achievements.category,
        achievements.rarity,
        achievements.badge_icon,
        achievements.badge_color,
        achievements.criteria,
        achievements.threshold,
        achievements.xp_reward,
        achievements.criterion = 'xp_threshold' and not achievements.is_limited as is_climbed,
        case
            when achievements.is_limited
                then (
                    select achievement_standings.value
                    from achievement_standings
                    where
                        achievement_standings.user_id = %(user_id)s
                        and achievement_standings.achievement_id = achievements.id
                )
            when achievements.criterion = 'skill_completion_count' then learner.skills
            when achievements.criterion = 'xp_threshold' then learner.total_xp
            else learner.max_streak
        end as value
    from learner
    cross join achievements
    left join xp_events
        on
            achievements.is_limited
            and xp_events.user_id = %(user_id)s
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

reached as (
    select
        valued.id,
        valued.name,
        valued.category,
        valued.rarity,
        valued.badge_icon,
        valued.badge_color,
        valued.criteria,
        valued.threshold,
        valued.is_climbed,
        valued.value,
        -- What has paid once never pays again.
        case
            when exists (
                select from xp_events
                where
                    xp_events.user_id = %(user_id)s
                    and xp_events.source_kind = 'ACHIEVEMENT'
                    and xp_events.source_id = valued.id
            ) then 0
            else valued.xp_reward
        end as reward
    from valued
    where
        valued.is_climbed
        or valued.value >= valued.threshold
),

-- First what is reached whatever it pays, then the thresholds of XP from the lowest, each with the rewards of all
-- before. Above the first that is out of reach, all are.
climbed as (
    select
        reached.id,
        reached.name,
        reached.category,
        reached.rarity,
        reached.badge_icon,
        reached.badge_color,
        reached.criteria,
        reached.threshold,
        reached.is_climbed,
        reached.reward,
        reached.value + case
            when reached.is_climbed
                then coalesce(
                    sum(reached.reward) over (
                        order by reached.is_climbed, reached.threshold, reached.id
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            else 0
        end as value
    from reached
),

earned as (
    select
        step.id,
        step.name,
        step.category,
        step.rarity,
        step.badge_icon,
        step.badge_color,
        step.criteria,
        step.value,
        step.reward
    from (
        select
            climbed.id,
            climbed.name,
            climbed.category,
            climbed.rarity,
            climbed.badge_icon,
            climbed.badge_color,
            climbed.criteria,
            climbed.value,
            climbed.reward,
            bool_and(climbed.value >= climbed.threshold) over (
                order by climbed.is_climbed, climbed.threshold, climbed.id
            ) as is_earned
        from climbed
    ) as step
    where step.is_earned
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
    returning user_achievements.achievement_id
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
    from earned
    cross join learner
    on conflict (user_id, source_kind, source_id) do nothing
    returning xp_events.source_id
),

gain as (
    select sum(earned.reward) as xp
    from earned
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
        ),
        updated_at = now()
    from gain
    where
        user_profiles.user_id = %(user_id)s
        and gain.xp > 0
    returning user_profiles.user_id
)

select
    earned.id,
    earned.name,
    earned.category,
    earned.rarity,
    earned.badge_icon,
    earned.badge_color,
    earned.reward as xp,
    learner.at as earned_at
from earned
cross join learner
order by earned.rarity, earned.name, earned.id;
