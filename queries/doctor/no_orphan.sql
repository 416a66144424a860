-- Dangling ids in arrays: skills that are not in the tree, and trees that do not exist.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @nullable found: an array can contain a null, which is not a skill either
-- @budget buffers 8300
with named as (
    select
        'skill' as subject_kind,
        null::uuid as user_id,
        skills.id as subject_id,
        skills.skill_tree_id,
        'dependencies' as what,
        dependency.id as named_id
    from skills
    cross join unnest(skills.dependencies) as dependency (id)
    union all
    select
        'skill' as subject_kind,
        null::uuid as user_id,
        skills.id as subject_id,
        skills.skill_tree_id,
        'dependents' as what,
        dependent.id as named_id
    from skills
    cross join unnest(skills.dependents) as dependent (id)
    union all
    select
        'tree' as subject_kind,
        user_skill_tree_progress.user_id,
        user_skill_tree_progress.skill_tree_id as subject_id,
        user_skill_tree_progress.skill_tree_id,
        'milestones_reached' as what,
        milestone.id as named_id
    from user_skill_tree_progress
    cross join unnest(user_skill_tree_progress.milestones_reached) as milestone (id)
    union all
    select
        'tree' as subject_kind,
        user_skill_tree_progress.user_id,
        user_skill_tree_progress.skill_tree_id as subject_id,
        user_skill_tree_progress.skill_tree_id,
        'current_path' as what,
        step.id as named_id
    from user_skill_tree_progress
    cross join unnest(user_skill_tree_progress.current_path) as step (id)
)

select
    named.subject_kind,
    named.user_id,
    named.subject_id,
    named.what,
    'skills of the tree' as expected,
    named.named_id::text as found
from named
left join skills
    on
        skills.id = named.named_id
        and skills.skill_tree_id = named.skill_tree_id
where skills.id is null
union all
select
    'tree' as subject_kind,
    null::uuid as user_id,
    skill_trees.id as subject_id,
    'prerequisites' as what,
    'trees' as expected,
    prerequisite.id::text as found
from skill_trees
cross join unnest(skill_trees.prerequisites) as prerequisite (id)
left join skill_trees as known on known.id = prerequisite.id
where known.id is null
order by subject_kind, user_id, subject_id, what, found;
