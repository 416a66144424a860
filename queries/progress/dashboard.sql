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

work as (
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
    where
        tree.status = 'IN_PROGRESS'
        and skill_work.is_begun
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
        skills.is_optional,
        skills.is_milestone,
        tree.last_activity_at as tree_last_activity_at,
        -- A settled skill holds nothing up. `in` makes a hashed subplan, whatever number of rows the planner expects.
        -- It cannot know how much of a tree a learner has done.
        not skills.is_active or skills.id in (
            select work.skill_id from work
            where work.is_satisfied
        ) as is_settled
    from tree
    inner join skills on skills.skill_tree_id = tree.id
    where tree.status = 'IN_PROGRESS'
),

open_skill as (
    select
        skill.id,
        skill.skill_tree_id,
        skill.name,
        case when work.skill_id is null then 'AVAILABLE' else 'IN_PROGRESS' end as status,
        skill.skill_type,
        skill.difficulty,
        skill.is_optional,
        skill.is_milestone,
        case
            when skill.estimated_minutes is not null
                then greatest(skill.estimated_minutes - coalesce(work.time_spent_minutes, 0), 0)
        end as remaining_minutes
    from skill
    left join work on work.skill_id = skill.id
    where
        not skill.is_settled
        and (
            work.skill_id is not null
            or not exists (
                select from unnest(skill.dependencies) as dependency (id)
                where dependency.id not in (
                    select settled.id from skill as settled
                    where settled.is_settled
                )
            )
        )
    order by
        (work.skill_id is not null) desc,
        work.last_activity_at desc nulls last,
        skill.tree_last_activity_at desc nulls last,
        skill.skill_tree_id,
        skill.position_y,
        skill.position_x,
        skill.sort_order,
        skill.id
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
        select coalesce(json_agg(tree order by tree.last_activity_at desc nulls last, tree.id), '[]')
        from tree
    ) as trees,
    -- An aggregate that reads only a sub-select with `order by` and `limit` takes its rows in this order.
    (select coalesce(json_agg(open_skill), '[]') from open_skill) as open_skills,
    (select coalesce(json_agg(recent_achievement), '[]') from recent_achievement) as recent_achievements
from user_profiles
inner join users on users.id = user_profiles.user_id
left join levels as next_level on next_level.level = user_profiles.current_level + 1
where user_profiles.user_id = %(user_id)s;
