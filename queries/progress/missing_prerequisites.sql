-- What one learner must still complete before a skill opens, in an order in which it can be learnt; the skill
-- itself comes last.
--
-- Only what is itself not satisfied is followed further down: what lies behind a completed skill is not asked for
-- again.
--
-- @sample skill_id: %(last_skill_id)s
-- @budget buffers 2600
-- @never Seq Scan on user_skill_progress
with recursive satisfied as (
    select user_skill_progress.skill_id
    from user_skill_progress
    inner join skills on skills.id = %(skill_id)s and skills.skill_tree_id = user_skill_progress.skill_tree_id
    where
        user_skill_progress.user_id = %(user_id)s
        and user_skill_progress.status in ('COMPLETED', 'SKIPPED')
),

missing as (
    select
        skills.id,
        skills.dependencies
    from skills
    where skills.id = %(skill_id)s
    union
    select
        skills.id,
        skills.dependencies
    from missing
    cross join unnest(missing.dependencies) as dependency (id)
    inner join skills on skills.id = dependency.id
    where
        skills.is_active
        and not exists (
            select from satisfied
            where satisfied.skill_id = skills.id
        )
),

edge as (
    select
        missing.id as skill_id,
        prerequisite.id as prerequisite_id
    from missing
    cross join unnest(missing.dependencies) as dependency (id)
    inner join missing as prerequisite on prerequisite.id = dependency.id
),

leveled as (
    select
        node.id,
        node.level
    from topological_levels(
        (select coalesce(array_agg(edge.skill_id), '{}') from edge),
        (select coalesce(array_agg(edge.prerequisite_id), '{}') from edge)
    ) as node (id, level)
)

select
    skills.id,
    skills.name,
    skills.difficulty,
    skills.estimated_minutes,
    skills.dependents @> array[%(skill_id)s::uuid] as is_direct,
    coalesce(leveled.level, 0) as level
from missing
inner join skills on skills.id = missing.id
left join leveled on leveled.id = skills.id
order by level, skills.position_y, skills.position_x, skills.sort_order, skills.id;
