-- All values of some trees that a repair may change, one per row.
--
-- @role app_service
-- @step doctor.repair compares its rows before and after
-- @budget buffers 29
select
    'tree' as subject_kind,
    null::uuid as user_id,
    skill_trees.id as subject_id,
    'prerequisites' as what,
    skill_trees.prerequisites::text as value
from skill_trees
where skill_trees.id = any(%(tree_ids)s::uuid[])
union all
select
    'tree' as subject_kind,
    null::uuid as user_id,
    begun_trees.skill_tree_id as subject_id,
    'begun' as what,
    'noted' as value
from begun_trees
where begun_trees.skill_tree_id = any(%(tree_ids)s::uuid[])
union all
select
    'skill' as subject_kind,
    null::uuid as user_id,
    skills.id as subject_id,
    field.what,
    field.value
from skills
cross join
    lateral (
        values
        ('dependencies', skills.dependencies::text),
        ('dependents', skills.dependents::text)
    ) as field (what, value)
where skills.skill_tree_id = any(%(tree_ids)s::uuid[])
order by subject_kind, subject_id, what;
