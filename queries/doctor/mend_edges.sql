-- Remove ids from dependencies in some trees that are not skills of the same tree, and make dependents the inverse. The
-- skills have been locked before.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 1600
with edge as (
    select
        skills.id as skill_id,
        prerequisite.id as prerequisite_id,
        dependency.place
    from skills
    cross join unnest(skills.dependencies) with ordinality as dependency (id, place)
    inner join skills as prerequisite
        on
            prerequisite.id = dependency.id
            and prerequisite.skill_tree_id = skills.skill_tree_id
    where skills.skill_tree_id = any(%(tree_ids)s::uuid[])
),

due as (
    select
        skills.id,
        array(
            select edge.prerequisite_id
            from edge
            where edge.skill_id = skills.id
            order by edge.place
        ) as dependencies,
        array(
            select edge.skill_id
            from edge
            where edge.prerequisite_id = skills.id
            -- Existing dependents keep their order.
            order by array_position(skills.dependents, edge.skill_id), edge.skill_id
        ) as dependents
    from skills
    where skills.skill_tree_id = any(%(tree_ids)s::uuid[])
)

update skills
set
    dependencies = due.dependencies,
    dependents = due.dependents,
    updated_at = now()
from due
where
    skills.id = due.id
    and row(skills.dependencies, skills.dependents) is distinct from row(due.dependencies, due.dependents)
returning skills.id;
