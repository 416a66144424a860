-- Unlock the skills of a learner whose prerequisites are all satisfied, at the time when the last one was satisfied.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 2800
-- @never Seq Scan on user_skill_progress
with edge as (
    select
        skills.id as skill_id,
        skills.skill_tree_id,
        prerequisite.id as prerequisite_id,
        count(*) over (partition by skills.id) as prerequisites
    from skill_work
    inner join skills as satisfied on satisfied.id = skill_work.skill_id
    inner join skills on skills.dependencies @> array[satisfied.id]
    cross join unnest(skills.dependencies) as dependency (id)
    inner join skills as prerequisite on prerequisite.id = dependency.id
    where
        skill_work.user_id = %(user_id)s
        and skill_work.is_satisfied
        and skills.is_active
        and prerequisite.is_active
    group by skills.id, prerequisite.id
)

insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, unlocked_at)
select
    skill_work.user_id,
    edge.skill_id,
    edge.skill_tree_id,
    'AVAILABLE' as status,
    coalesce(
        max(coalesce(skill_work.completed_at, skill_work.last_activity_at)), now()
    ) as unlocked_at
from edge
inner join skill_work on skill_work.skill_id = edge.prerequisite_id
where
    skill_work.user_id = %(user_id)s
    and skill_work.is_satisfied
group by skill_work.user_id, edge.skill_id, edge.skill_tree_id, edge.prerequisites
having count(*) = edge.prerequisites
order by edge.skill_id
on conflict (user_id, skill_id) do update
    set
        status = excluded.status,
        unlocked_at = least(user_skill_progress.started_at, excluded.unlocked_at),
        updated_at = excluded.updated_at
    where user_skill_progress.status = 'LOCKED'
returning user_skill_progress.skill_id;
