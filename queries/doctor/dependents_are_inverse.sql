-- Dependents that are not the inverse of the dependencies. `expected` and `found` are the missing or superfluous id.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @budget buffers 5000
with needed as (
    select
        skills.id as skill_id,
        prerequisite.id as prerequisite_id
    from skills
    cross join unnest(skills.dependencies) as dependency (id)
    inner join skills as prerequisite
        on
            prerequisite.id = dependency.id
            and prerequisite.skill_tree_id = skills.skill_tree_id
),

noted as (
    select
        dependent.id as skill_id,
        skills.id as prerequisite_id
    from skills
    cross join unnest(skills.dependents) as named (id)
    inner join skills as dependent
        on
            dependent.id = named.id
            and dependent.skill_tree_id = skills.skill_tree_id
)

select
    'skill' as subject_kind,
    null::uuid as user_id,
    coalesce(needed.prerequisite_id, noted.prerequisite_id) as subject_id,
    'dependents' as what,
    needed.skill_id::text as expected,
    noted.skill_id::text as found
from needed
full join noted
    on
        noted.skill_id = needed.skill_id
        and noted.prerequisite_id = needed.prerequisite_id
where
    needed.skill_id is null
    or noted.skill_id is null
order by subject_id, expected, found;
