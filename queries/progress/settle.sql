-- Settle an action: award each achievement that is due, add its XP, raise the level, and return the learner's results.
-- The XP of one award can make the next one due. So thresholds of XP are checked from the lowest up, each with the
-- rewards of those before it. The learner has been locked before. progress/complete_skill settles a completion.
--
-- skill_id  the skill of the action; achievements limited to others are not checked. Null always checks all
-- at        the time of the action; null is now
--
-- @role app_engine
-- @step runs after every other action on a skill, in a repair and in a backfill
-- @drafts it returns only the learner's own progress
-- @nullable progress: a skill that is reset before it was begun has none
-- @nullable tree_progress: nor has its tree
-- @after progress/work_on_skill
-- @budget buffers 56
-- @never Seq Scan on user_achievements, user_profiles, user_skill_progress, user_skill_tree_progress, xp_events
with asked as materialized (
    select
        coalesce(%(at)s::timestamptz, now()) as at,
        now() as written_at
),

learner as materialized (
    select
        user_profiles.total_xp,
        user_profiles.current_level as level,
        user_profiles.current_streak,
        user_profiles.max_streak,
        user_profiles.last_activity_on,
        user_profiles.last_activity_at,
        user_profiles.last_activity_offset,
        user_profiles.timezone,
        user_profiles.day_starts_at,
        asked.at,
        -- A refused or repeated action has not written the profile (see progress/work_on_skill), so nothing is due.
        %(skill_id)s::uuid is null or user_profiles.updated_at = asked.written_at as is_due
    from asked
    cross join user_profiles
    where user_profiles.user_id = %(user_id)s
),

-- Computed only if something reads it, which is rare.
clock as (
    select local_clock(learner.at, learner.timezone, learner.day_starts_at) as moment
    from learner
),

-- Each achievement that this action may have earned, with the value reached. Materialized: `value` is in the plan once.
candidate as materialized (
    select
        achievements.id,
        achievements.threshold,
        achievements.criterion = 'xp_threshold' and not achievements.is_limited as is_climbed,
        case
            -- The same as achievement_standings, which would take longer than the rest of the statement.
            when achievements.is_limited
                then (
                    select
                        case achievements.criterion
                            when 'skill_completion_count' then count(*)
                            when 'xp_threshold' then sum(counted.xp)
                            else longest_streak(
                                array_agg(counted.granted_on),
                                array(
                                    select user_activity_days.activity_date
                                    from user_activity_days
                                    where
                                        user_activity_days.user_id = %(user_id)s
                                        and (
                                            not user_activity_days.is_counted
                                            or user_activity_days.excuse is not null
                                        )
                                )
                            )
                        end
                    from xp_events as counted
                    where
                        counted.user_id = %(user_id)s
                        and counted.source_kind = 'SKILL'
                        and (
                            achievements.for_category_id is null
                            or counted.category_id = achievements.for_category_id
                        )
                        and (
                            achievements.for_tree_id is null
                            or counted.skill_tree_id = achievements.for_tree_id
                        )
                        and (
                            achievements.for_difficulty is null
                            or counted.difficulty::text = achievements.for_difficulty
                        )
                        and (
                            achievements.for_skill_type is null
                            or counted.skill_type::text = achievements.for_skill_type
                        )
                )
            when achievements.criterion = 'skill_completion_count'
                then (
                    select count(*)
                    from xp_events
                    where
                        xp_events.user_id = %(user_id)s
                        and xp_events.source_kind = 'SKILL'
                )
            when achievements.criterion = 'xp_threshold' then learner.total_xp
            else learner.max_streak
        end as value,
        -- An achievement pays once, even if its award has been withdrawn since.
        case
            when exists (
                select from xp_events
                where
                    xp_events.user_id = %(user_id)s
                    and xp_events.source_kind = 'ACHIEVEMENT'
                    and xp_events.source_id = achievements.id
            ) then 0
            else achievements.xp_reward
        end as reward
    from learner
    cross join achievements
    left join xp_events as learnt
        on
            achievements.is_limited
            and learnt.user_id = %(user_id)s
            and learnt.source_kind = 'SKILL'
            -- In a sub-select, because it may be null: see progress/activity_by_day.
            and learnt.source_id = (select %(skill_id)s::uuid)
    where
        learner.is_due
        and achievements.is_active
        and not exists (
            select from user_achievements
            where
                user_achievements.user_id = %(user_id)s
                and user_achievements.achievement_id = achievements.id
        )
        -- Only a skill within the limits of an achievement counts toward it.
        and (
            not achievements.is_limited
            or %(skill_id)s::uuid is null
            or (
                (achievements.for_category_id is null or achievements.for_category_id = learnt.category_id)
                and (achievements.for_tree_id is null or achievements.for_tree_id = learnt.skill_tree_id)
                and (achievements.for_difficulty is null or achievements.for_difficulty = learnt.difficulty::text)
                and (achievements.for_skill_type is null or achievements.for_skill_type = learnt.skill_type::text)
            )
        )
),

-- First the achievements that are reached without the XP of awards. Then the thresholds of XP from the lowest up:
-- `value` includes the rewards of all rows before. After the first threshold out of reach, none is earned.
climbed as (
    select
        candidate.id,
        candidate.threshold,
        candidate.is_climbed,
        candidate.reward,
        candidate.value + case
            when candidate.is_climbed
                then coalesce(
                    sum(candidate.reward) over (
                        order by candidate.is_climbed, candidate.threshold, candidate.id
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            else 0
        end as value
    from candidate
    where
        candidate.is_climbed
        or candidate.value >= candidate.threshold
),

earned as (
    select
        step.id,
        step.value,
        step.reward
    from (
        select
            climbed.id,
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
        -- The present criteria, because an author may change them later.
        jsonb_build_object('criteria', achievements.criteria, 'value', earned.value) as metadata
    from earned
    inner join achievements on achievements.id = earned.id
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
        (select clock.moment::date from clock) as granted_on
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
    returning
        user_profiles.total_xp,
        user_profiles.current_level as level
)

select
    coalesce(updated_profile.total_xp, learner.total_xp) as total_xp,
    coalesce(updated_profile.level, learner.level) as level,
    -- The same value as a read of the profile at that time returns.
    case
        when learner.last_activity_at >= learner.at then learner.current_streak
        when
            streak_goes_on(
                learner.last_activity_on,
                learner.last_activity_at,
                learner.last_activity_offset,
                learner.at,
                (select clock.moment from clock)
            )
            then learner.current_streak
        else 0
    end as current_streak,
    learner.max_streak,
    (
        select to_json(work)
        from (
            select
                user_skill_progress.id,
                user_skill_progress.user_id,
                user_skill_progress.skill_id,
                user_skill_progress.skill_tree_id,
                user_skill_progress.status,
                user_skill_progress.progress_percent,
                user_skill_progress.time_spent_minutes,
                user_skill_progress.attempts_count,
                user_skill_progress.failed_attempts,
                user_skill_progress.completion_method,
                user_skill_progress.completion_score,
                user_skill_progress.evidence_data,
                user_skill_progress.unlocked_at,
                user_skill_progress.started_at,
                user_skill_progress.last_activity_at,
                user_skill_progress.completed_at,
                user_skill_progress.struggling_indicators,
                user_skill_progress.engagement_score,
                user_skill_progress.passing_score_waived,
                user_skill_progress.created_at,
                user_skill_progress.updated_at
            from user_skill_progress
            where
                user_skill_progress.user_id = %(user_id)s
                and user_skill_progress.skill_id = %(skill_id)s
        ) as work
    ) as progress,
    (
        select to_json(way)
        from (
            select
                user_skill_tree_progress.id,
                user_skill_tree_progress.user_id,
                user_skill_tree_progress.skill_tree_id,
                user_skill_tree_progress.status,
                user_skill_tree_progress.progress_percent,
                user_skill_tree_progress.skills_completed,
                user_skill_tree_progress.total_skills,
                user_skill_tree_progress.time_spent_minutes,
                user_skill_tree_progress.started_at,
                user_skill_tree_progress.last_activity_at,
                user_skill_tree_progress.completed_at,
                user_skill_tree_progress.milestones_reached,
                user_skill_tree_progress.current_path,
                user_skill_tree_progress.created_at,
                user_skill_tree_progress.updated_at
            from user_skill_tree_progress
            where
                user_skill_tree_progress.user_id = %(user_id)s
                and user_skill_tree_progress.skill_tree_id = (
                    select skills.skill_tree_id
                    from skills
                    where skills.id = %(skill_id)s
                )
        ) as way
    ) as tree_progress,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'id', earned.id,
                        'name', achievements.name,
                        'category', achievements.category,
                        'rarity', achievements.rarity,
                        'badge_icon', achievements.badge_icon,
                        'badge_color', achievements.badge_color,
                        'xp', earned.reward,
                        'earned_at', learner.at
                    )
                    order by achievements.rarity, achievements.name, earned.id
                ),
                '[]'
            )
        from earned
        inner join achievements on achievements.id = earned.id
    ) as achievements
from learner
left join updated_profile on true;
