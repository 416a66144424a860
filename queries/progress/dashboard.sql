-- An overview of a learner: the profile, the trees in progress or paused, up to 20 open skills of those in progress,
-- and the latest 5 achievements. No row for an unknown learner.
--
-- @drafts it reads only trees that the learner is in
-- @budget buffers 290
-- @never Seq Scan on user_achievements, user_profiles, user_skill_progress, user_skill_tree_progress, users, xp_events
with tree as (
    select
        skill_trees.id,
        skill_trees.name,
        skill_trees.slug,
        user_skill_tree_progress.status,
        user_skill_tree_progress.progress_percent,
        user_skill_tree_progress.skills_completed,
        user_skill_tree_progress.total_skills,
        user_skill_tree_progress.time_spent_minutes,
        user_skill_tree_progress.last_activity_at
    from user_skill_tree_progress
    inner join skill_trees on skill_trees.id = user_skill_tree_progress.skill_tree_id
    where
        user_skill_tree_progress.user_id = %(user_id)s
        and user_skill_tree_progress.status in ('IN_PROGRESS', 'PAUSED')
),

work as materialized (
    select
        skill_work.skill_id,
        skill_work.is_satisfied,
        skill_work.time_spent_minutes,
        skill_work.last_activity_at
    from tree
    inner join skill_work
        on
            skill_work.user_id = %(user_id)s
            and skill_work.skill_tree_id = tree.id
    where skill_work.is_begun
),

skill as (
    select
        skills.id,
        skills.skill_tree_id,
        skills.name,
        skills.skill_type,
        skills.difficulty,
        skills.estimated_minutes,
        skills.dependencies,
        skills.position_x,
        skills.position_y,
        skills.sort_order,
        skills.is_active,
        skills.is_optional,
        skills.is_milestone,
        tree.last_activity_at as tree_last_activity_at
    from tree
    inner join skills on skills.skill_tree_id = tree.id
    where tree.status = 'IN_PROGRESS'
),

-- Skills that hold nothing up: satisfied or inactive. `not in` makes a hashed subplan, whatever number of rows the
-- planner expects. The planner cannot know how much of a tree a learner has done.
settled as (
    select work.skill_id
    from work
    where work.is_satisfied
    union all
    select skill.id as skill_id
    from skill
    where not skill.is_active
),

unfinished as (
    select
        skill.id,
        skill.skill_tree_id,
        skill.name,
        skill.skill_type,
        skill.difficulty,
        skill.dependencies,
        skill.position_x,
        skill.position_y,
        skill.sort_order,
        skill.is_optional,
        skill.is_milestone,
        case
            when skill.estimated_minutes is not null
                then greatest(skill.estimated_minutes - coalesce(work.time_spent_minutes, 0), 0)
        end as remaining_minutes,
        work.skill_id is not null as is_begun,
        work.last_activity_at,
        skill.tree_last_activity_at
    from skill
    left join work on work.skill_id = skill.id
    where skill.id not in (select settled.skill_id from settled)
),

blocked as (
    select distinct unfinished.id
    from unfinished
    cross join unnest(unfinished.dependencies) as dependency (id)
    where
        not unfinished.is_begun
        and dependency.id not in (select settled.skill_id from settled)
),

open_skill as (
    select
        unfinished.id,
        unfinished.skill_tree_id,
        unfinished.name,
        case when unfinished.is_begun then 'IN_PROGRESS' else 'AVAILABLE' end as status,
        unfinished.skill_type,
        unfinished.difficulty,
        unfinished.is_optional,
        unfinished.is_milestone,
        unfinished.remaining_minutes,
        row_number() over (
            order by
                unfinished.is_begun desc,
                unfinished.last_activity_at desc nulls last,
                unfinished.tree_last_activity_at desc nulls last,
                unfinished.skill_tree_id,
                unfinished.position_y,
                unfinished.position_x,
                unfinished.sort_order,
                unfinished.id
        ) as place
    from unfinished
    left join blocked on blocked.id = unfinished.id
    where blocked.id is null
    order by place
    limit 20
),

recent_achievement as (
    select
        achievements.id,
        achievements.name,
        achievements.category,
        achievements.rarity,
        achievements.badge_icon,
        achievements.badge_color,
        coalesce(xp_events.xp, 0) as xp,
        user_achievements.earned_at
    from user_achievements
    inner join achievements on achievements.id = user_achievements.achievement_id
    left join xp_events
        on
            xp_events.user_id = %(user_id)s
            and xp_events.source_kind = 'ACHIEVEMENT'
            and xp_events.source_id = user_achievements.achievement_id
    where
        user_achievements.user_id = %(user_id)s
        and user_achievements.progress >= 100
    order by user_achievements.earned_at desc, user_achievements.achievement_id
    limit 5
)

select
    user_profiles.user_id,
    users.username,
    user_profiles.total_xp,
    user_profiles.current_level,
    next_level.min_xp as next_level_xp,
    case
        when
            streak_goes_on(
                user_profiles.last_activity_on,
                user_profiles.last_activity_at,
                user_profiles.last_activity_offset,
                now(),
                local_clock(now(), user_profiles.timezone, user_profiles.day_starts_at)
            )
            then user_profiles.current_streak
        else 0
    end as current_streak,
    user_profiles.max_streak,
    user_profiles.skills_completed,
    user_profiles.hours_learned,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'id', tree.id,
                        'name', tree.name,
                        'slug', tree.slug,
                        'status', tree.status,
                        'progress_percent', tree.progress_percent,
                        'skills_completed', tree.skills_completed,
                        'total_skills', tree.total_skills,
                        'time_spent_minutes', tree.time_spent_minutes,
                        'last_activity_at', tree.last_activity_at
                    )
                    order by tree.last_activity_at desc nulls last, tree.id
                ),
                '[]'
            )
        from tree
    ) as trees,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'id', open_skill.id,
                        'skill_tree_id', open_skill.skill_tree_id,
                        'name', open_skill.name,
                        'status', open_skill.status,
                        'skill_type', open_skill.skill_type,
                        'difficulty', open_skill.difficulty,
                        'is_optional', open_skill.is_optional,
                        'is_milestone', open_skill.is_milestone,
                        'remaining_minutes', open_skill.remaining_minutes
                    )
                    order by open_skill.place
                ),
                '[]'
            )
        from open_skill
    ) as open_skills,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'id', recent_achievement.id,
                        'name', recent_achievement.name,
                        'category', recent_achievement.category,
                        'rarity', recent_achievement.rarity,
                        'badge_icon', recent_achievement.badge_icon,
                        'badge_color', recent_achievement.badge_color,
                        'xp', recent_achievement.xp,
                        'earned_at', recent_achievement.earned_at
                    )
                    order by recent_achievement.earned_at desc, recent_achievement.id
                ),
                '[]'
            )
        from recent_achievement
    ) as recent_achievements
from user_profiles
inner join users on users.id = user_profiles.user_id
left join levels as next_level on next_level.level = user_profiles.current_level + 1
where user_profiles.user_id = %(user_id)s;
