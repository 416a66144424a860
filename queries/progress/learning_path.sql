-- The skills that a learner must still complete before a skill, and the skill itself last, in an order in which they
-- can be learned: each after all its dependencies. No row for an unknown learner or skill.
--
-- Satisfied skills are left out. So are skills that are only behind them, or only behind a skill in progress, which
-- stays open. If the requested skill is skipped, it is still to be completed.
--
-- @sample skill_id: %(last_skill_id)s
-- @notnull steps.level: every node on the path has one
-- @budget buffers 84
-- @never Seq Scan on user_profiles, user_skill_progress, xp_events
with target as (
    select
        skills.id,
        skills.skill_tree_id,
        skills.name,
        skills.is_active
    from user_profiles
    cross join skills
    inner join visible_trees on visible_trees.id = skills.skill_tree_id
    where
        user_profiles.user_id = %(user_id)s
        and skills.id = %(skill_id)s
),

tree_skill as (
    -- All skills before a skill are in its tree, which is read once.
    select
        skills.id,
        skills.name,
        skills.xp_value,
        skills.estimated_minutes,
        skills.is_optional,
        skills.is_active,
        skills.dependencies,
        skills.position_y,
        skills.position_x,
        skills.sort_order
    from target
    inner join skills on skills.skill_tree_id = target.skill_tree_id
),

work as (
    select
        skill_work.skill_id,
        skill_work.status,
        skill_work.is_satisfied,
        skill_work.time_spent_minutes
    from target
    inner join skill_work
        on
            skill_work.user_id = %(user_id)s
            and skill_work.skill_tree_id = target.skill_tree_id
    where skill_work.is_begun
),

-- Skills that hold nothing up: satisfied or inactive. `not in` makes a hashed subplan, whatever number of rows the
-- planner expects. The planner cannot know how much of a tree a learner has done.
settled as (
    select work.skill_id
    from work
    where work.is_satisfied
    union all
    select tree_skill.id as skill_id
    from tree_skill
    where not tree_skill.is_active
),

edge as (
    select
        tree_skill.id as skill_id,
        dependency.id as prerequisite_id
    from tree_skill
    cross join unnest(tree_skill.dependencies) as dependency (id)
    where dependency.id not in (select settled.skill_id from settled)
),

-- A skill in progress stays open, so no path continues through it. Its dependencies still come first if they are on
-- another path.
unsatisfied as (
    select
        node.id,
        node.level
    from target
    cross join
        way_to(
            target.id,
            (select array_agg(edge.skill_id) from edge),
            (select array_agg(edge.prerequisite_id) from edge),
            (
                select array_agg(work.skill_id) from work
                where work.status = 'IN_PROGRESS'
            )
        ) as node (id, level)
),

step as (
    select
        tree_skill.id,
        tree_skill.name,
        case
            when work.status is not null then work.status
            -- An inactive skill is open to no learner.
            when tree_skill.is_active and unsatisfied.level = 0 then 'AVAILABLE'
            else 'LOCKED'
        end as status,
        tree_skill.is_optional,
        case
            when tree_skill.estimated_minutes is not null
                then greatest(tree_skill.estimated_minutes - coalesce(work.time_spent_minutes, 0), 0)
        end as remaining_minutes,
        case when xp_events.source_id is null then tree_skill.xp_value else 0 end as xp,
        unsatisfied.level,
        row_number() over (
            order by
                unsatisfied.level,
                tree_skill.position_y,
                tree_skill.position_x,
                tree_skill.sort_order,
                tree_skill.id
        ) as place
    from unsatisfied
    inner join tree_skill on tree_skill.id = unsatisfied.id
    left join work on work.skill_id = tree_skill.id
    left join xp_events
        on
            xp_events.user_id = %(user_id)s
            and xp_events.source_kind = 'SKILL'
            and xp_events.source_id = tree_skill.id
    where
        not exists (
            select from work as own
            where
                own.skill_id = (select target.id from target)
                and own.status = 'COMPLETED'
        )
)

select
    target.id as skill_id,
    target.name,
    target.is_active,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'id', step.id,
                        'name', step.name,
                        'status', step.status,
                        'is_optional', step.is_optional,
                        'remaining_minutes', step.remaining_minutes,
                        'xp', step.xp,
                        'level', step.level
                    )
                    order by step.place
                ),
                '[]'
            )
        from step
    ) as steps,
    (select coalesce(sum(step.remaining_minutes), 0) from step)::bigint as remaining_minutes,
    (select coalesce(sum(step.xp), 0) from step) as remaining_xp
from target;
