-- What is derived from the facts, said once: the statements that refresh cached values and those that verify them read
-- the same views. Each is cheap for one learner, because the learner's id reaches every table in it.

create index idx_skill_counted on skills (skill_tree_id, id) include (is_active, is_optional, is_milestone);

-- A learner's progress in a tree. Required active skills count, or all active ones where every one is optional. What
-- there is is counted once for a tree, and what is done from the learner's own work: not every skill for every learner.
create view tree_standings with (security_invoker = true) as
select
    counted.user_id,
    counted.skill_tree_id,
    counted.total_skills,
    counted.skills_completed,
    coalesce(
        100.0 * counted.skills_completed / nullif(counted.total_skills, 0), 0
    )::double precision as progress_percent,
    counted.milestones_reached,
    counted.time_spent_minutes
from (
    select
        user_skill_tree_progress.user_id,
        user_skill_tree_progress.skill_tree_id,
        coalesce(nullif(tree.required_skills, 0), tree.active_skills, 0)::integer as total_skills,
        coalesce(
            case when tree.required_skills > 0 then work.required_skills else work.active_skills end, 0
        )::integer as skills_completed,
        coalesce(work.milestones_reached, '{}') as milestones_reached,
        coalesce(work.time_spent_minutes, 0)::integer as time_spent_minutes
    from user_skill_tree_progress
    left join (
        select
            skills.skill_tree_id,
            count(*) filter (where not skills.is_optional) as required_skills,
            count(*) as active_skills
        from skills
        where skills.is_active
        group by skills.skill_tree_id
    ) as tree on tree.skill_tree_id = user_skill_tree_progress.skill_tree_id
    left join (
        select
            user_skill_progress.user_id,
            user_skill_progress.skill_tree_id,
            count(*) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_active and not skills.is_optional
            ) as required_skills,
            count(*) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_active
            ) as active_skills,
            array_agg(skills.id order by skills.id) filter (
                where user_skill_progress.status = 'COMPLETED' and skills.is_active and skills.is_milestone
            ) as milestones_reached,
            sum(user_skill_progress.time_spent_minutes) as time_spent_minutes
        from user_skill_progress
        inner join skills on skills.id = user_skill_progress.skill_id
        group by user_skill_progress.user_id, user_skill_progress.skill_tree_id
    ) as work
        on
            work.user_id = user_skill_tree_progress.user_id
            and work.skill_tree_id = user_skill_tree_progress.skill_tree_id
) as counted;

-- The runs of days in a row on which a learner learnt something, each with its last day.
create view streaks with (security_invoker = true) as
select
    numbered.user_id,
    max(numbered.activity_date) as ends_on,
    count(*)::integer as days
from (
    select
        user_activity_days.user_id,
        user_activity_days.activity_date,
        user_activity_days.activity_date
        - row_number() over (
            partition by user_activity_days.user_id
            order by user_activity_days.activity_date
        )::integer as run
    from user_activity_days
) as numbered
group by numbered.user_id, numbered.run;

-- How far a learner is toward each achievement. Skills, and XP and days within a limit, are counted from the ledger.
create view achievement_standings with (security_invoker = true) as
select
    counted.user_id,
    counted.achievement_id,
    counted.threshold,
    case
        when counted.criterion = 'skill_completion_count' then counted.skills
        when counted.criterion = 'xp_threshold' and not counted.is_limited then counted.total_xp
        when counted.criterion = 'xp_threshold' then counted.xp
        when not counted.is_limited then counted.max_streak
        else (
            select coalesce(max(run.days), 0)
            from (
                select count(*) as days
                from (
                    select
                        xp_events.granted_on,
                        xp_events.granted_on - dense_rank() over (order by xp_events.granted_on)::integer as run
                    from xp_events
                    where
                        xp_events.user_id = counted.user_id
                        and xp_events.source_kind = 'SKILL'
                        and (counted.for_category_id is null or xp_events.category_id = counted.for_category_id)
                        and (counted.for_tree_id is null or xp_events.skill_tree_id = counted.for_tree_id)
                        and (counted.for_difficulty is null or xp_events.difficulty::text = counted.for_difficulty)
                        and (counted.for_skill_type is null or xp_events.skill_type::text = counted.for_skill_type)
                    group by xp_events.granted_on
                ) as learnt_day
                group by learnt_day.run
            ) as run
        )
    end as value
from (
    select
        user_profiles.user_id,
        user_profiles.total_xp,
        user_profiles.max_streak,
        achievements.id as achievement_id,
        achievements.criterion,
        achievements.threshold,
        achievements.is_limited,
        achievements.for_category_id,
        achievements.for_tree_id,
        achievements.for_difficulty,
        achievements.for_skill_type,
        coalesce(sum(paid.skills), 0) as skills,
        coalesce(sum(paid.xp), 0) as xp
    from user_profiles
    cross join achievements
    left join (
        select
            xp_events.user_id,
            xp_events.category_id,
            xp_events.skill_tree_id,
            xp_events.difficulty,
            xp_events.skill_type,
            count(*) as skills,
            sum(xp_events.xp) as xp
        from xp_events
        where xp_events.source_kind = 'SKILL'
        group by
            xp_events.user_id,
            xp_events.category_id,
            xp_events.skill_tree_id,
            xp_events.difficulty,
            xp_events.skill_type
    ) as paid
        on
            paid.user_id = user_profiles.user_id
            and (achievements.for_category_id is null or paid.category_id = achievements.for_category_id)
            and (achievements.for_tree_id is null or paid.skill_tree_id = achievements.for_tree_id)
            and (achievements.for_difficulty is null or paid.difficulty::text = achievements.for_difficulty)
            and (achievements.for_skill_type is null or paid.skill_type::text = achievements.for_skill_type)
    group by user_profiles.user_id, achievements.id
) as counted;
