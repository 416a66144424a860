-- Trees whose skills depend on each other in a cycle. `found` is one such path by name.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @budget buffers 2500
with cycle as (
    select
        skills.skill_tree_id,
        find_cycle(array_agg(skills.id), array_agg(prerequisite.id)) as path
    from skills
    cross join unnest(skills.dependencies) as dependency (id)
    inner join skills as prerequisite
        on
            prerequisite.id = dependency.id
            and prerequisite.skill_tree_id = skills.skill_tree_id
    group by skills.skill_tree_id
)

select
    'tree' as subject_kind,
    null::uuid as user_id,
    cycle.skill_tree_id as subject_id,
    'dependencies' as what,
    'no cycle' as expected,
    string_agg(skills.name, ' → ' order by step.place) as found
from cycle
cross join unnest(cycle.path) with ordinality as step (id, place)
inner join skills on skills.id = step.id
group by cycle.skill_tree_id
order by cycle.skill_tree_id;
