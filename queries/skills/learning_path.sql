-- What leads to a skill, and the skill itself last, in an order in which it can be learnt: each after all that it
-- needs. Inactive skills neither gate nor count, so that no way leads through them.
--
-- @sample skill_id: %(last_skill_id)s
-- @budget buffers 2600
with recursive leading_to as (
    select
        skills.id,
        skills.dependencies
    from skills
    where skills.id = %(skill_id)s
    union
    select
        skills.id,
        skills.dependencies
    from leading_to
    cross join unnest(leading_to.dependencies) as dependency (id)
    inner join skills on skills.id = dependency.id
    where skills.is_active
),

edge as (
    select
        leading_to.id as skill_id,
        prerequisite.id as prerequisite_id
    from leading_to
    cross join unnest(leading_to.dependencies) as dependency (id)
    inner join leading_to as prerequisite on prerequisite.id = dependency.id
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
    skills.skill_type,
    skills.difficulty,
    skills.estimated_minutes,
    skills.xp_value,
    skills.is_optional,
    coalesce(leveled.level, 0) as level
from leading_to
inner join skills on skills.id = leading_to.id
left join leveled on leveled.id = skills.id
order by level, skills.position_y, skills.position_x, skills.sort_order, skills.id;
