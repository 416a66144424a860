-- Trees in which a skill is its own ancestor. `found` is one such path by name.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @budget buffers 10
with cycle as (
    select
        skills.skill_tree_id,
        find_cycle(array_agg(skills.id), array_agg(skills.parent_skill_id)) as path
    from skills
    where skills.parent_skill_id is not null
    group by skills.skill_tree_id
)

select
    'tree' as subject_kind,
    null::uuid as user_id,
    cycle.skill_tree_id as subject_id,
    'parents' as what,
    'no cycle' as expected,
    string_agg(skills.name, ' → ' order by step.place) as found
from cycle
cross join unnest(cycle.path) with ordinality as step (id, place)
inner join skills on skills.id = step.id
group by cycle.skill_tree_id
order by cycle.skill_tree_id;
