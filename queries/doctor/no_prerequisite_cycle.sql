-- A cycle of trees that need each other. `found` is its path by name.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @notnull subject_id: a cycle starts with a tree
-- @budget buffers 43
with cycle as (
    select
        find_cycle(
            coalesce(array_agg(skill_trees.id order by skill_trees.id, prerequisite.id), '{}'),
            coalesce(array_agg(prerequisite.id order by skill_trees.id, prerequisite.id), '{}')
        ) as path
    from skill_trees
    cross join unnest(skill_trees.prerequisites) as prerequisite (id)
)

select
    'tree' as subject_kind,
    null::uuid as user_id,
    cycle.path[1] as subject_id,
    'prerequisites' as what,
    'no cycle' as expected,
    string_agg(skill_trees.name, ' → ' order by step.place) as found
from cycle
cross join unnest(cycle.path) with ordinality as step (id, place)
inner join skill_trees on skill_trees.id = step.id
group by cycle.path
order by cycle.path;
