-- What one learner has still to complete before a skill, and that skill last, in an order in which it can be learnt:
-- each after all that it needs. No row for an unknown learner or skill.
--
-- `(select %(user_id)s::uuid)` hides from the planner who it is: one plan serves every learner.
--
-- What is satisfied is left out, and so is what lies only behind it.
--
-- @sample skill_id: %(last_skill_id)s
-- @budget buffers 84
-- @never Seq Scan on user_profiles, user_skill_progress, xp_events
with recursive target as (
    select
        skills.id,
        skills.skill_tree_id,
        skills.name,
        skills.dependencies,
        skills.is_active
    from user_profiles
    cross join skills
    inner join visible_trees on visible_trees.id = skills.skill_tree_id
    where
        user_profiles.user_id = %(user_id)s
        and skills.id = %(skill_id)s
),

work as (
    select
        user_skill_progress.skill_id,
        user_skill_progress.status,
        user_skill_progress.time_spent_minutes
    from target
    inner join user_skill_progress
        on
            user_skill_progress.user_id = (select %(user_id)s::uuid)
            and user_skill_progress.skill_tree_id = target.skill_tree_id
    where user_skill_progress.status in ('IN_PROGRESS', 'COMPLETED', 'SKIPPED')
),

unsatisfied as (
    select
        target.id,
        target.dependencies
    from target
    left join work on work.skill_id = target.id
    where coalesce(work.status, 'LOCKED') not in ('COMPLETED', 'SKIPPED')
    union
    select
        skills.id,
        skills.dependencies
    from unsatisfied
    cross join unnest(unsatisfied.dependencies) as dependency (id)
    inner join skills on skills.id = dependency.id
    left join work on work.skill_id = skills.id
    where
        skills.is_active
        and coalesce(work.status, 'LOCKED') not in ('COMPLETED', 'SKIPPED')
),

edge as (
    select
        unsatisfied.id as skill_id,
        prerequisite.id as prerequisite_id
    from unsatisfied
    cross join unnest(unsatisfied.dependencies) as dependency (id)
    inner join unsatisfied as prerequisite on prerequisite.id = dependency.id
),

leveled as (
    select
        node.id,
        node.level
    from topological_levels(
        (select coalesce(array_agg(edge.skill_id), '{}') from edge),
        (select coalesce(array_agg(edge.prerequisite_id), '{}') from edge)
    ) as node (id, level)
),

step as (
    select
        skills.id,
        skills.name,
        case
            when work.status is not null then work.status
            -- An inactive skill is open to nobody.
            when skills.is_active and coalesce(leveled.level, 0) = 0 then 'AVAILABLE'
            else 'LOCKED'
        end as status,
        skills.is_optional,
        case
            when skills.estimated_minutes is not null
                then greatest(skills.estimated_minutes - coalesce(work.time_spent_minutes, 0), 0)
        end as remaining_minutes,
        case when xp_events.source_id is null then skills.xp_value else 0 end as xp,
        coalesce(leveled.level, 0) as level,
        row_number() over (
            order by
                coalesce(leveled.level, 0), skills.position_y, skills.position_x, skills.sort_order, skills.id
        ) as place
    from unsatisfied
    inner join skills on skills.id = unsatisfied.id
    left join leveled on leveled.id = skills.id
    left join work on work.skill_id = skills.id
    left join xp_events
        on
            xp_events.user_id = %(user_id)s
            and xp_events.source_kind = 'SKILL'
            and xp_events.source_id = skills.id
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
