-- Give a learner the skills that have come open by all that they need being satisfied, as of when the last of that was.
--
-- @role app_service
-- @step how doctor.repair mends
-- @budget buffers 2800
-- @never Seq Scan on user_skill_progress
with edge as (
    select
        skills.id as skill_id,
        skills.skill_tree_id,
        prerequisite.id as prerequisite_id,
        count(*) over (partition by skills.id) as prerequisites
    from user_skill_progress
    inner join skills as satisfied on satisfied.id = user_skill_progress.skill_id
    inner join skills on skills.dependencies @> array[satisfied.id]
    cross join unnest(skills.dependencies) as dependency (id)
    inner join skills as prerequisite on prerequisite.id = dependency.id
    where
        user_skill_progress.user_id = %(user_id)s
        and user_skill_progress.status in ('COMPLETED', 'SKIPPED')
        and skills.is_active
        and prerequisite.is_active
    group by skills.id, prerequisite.id
)

insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, unlocked_at)
select
    user_skill_progress.user_id,
    edge.skill_id,
    edge.skill_tree_id,
    'AVAILABLE' as status,
    coalesce(
        max(coalesce(user_skill_progress.completed_at, user_skill_progress.last_activity_at)), now()
    ) as unlocked_at
from edge
inner join user_skill_progress on user_skill_progress.skill_id = edge.prerequisite_id
where
    user_skill_progress.user_id = %(user_id)s
    and user_skill_progress.status in ('COMPLETED', 'SKIPPED')
group by user_skill_progress.user_id, edge.skill_id, edge.skill_tree_id, edge.prerequisites
having count(*) = edge.prerequisites
order by edge.skill_id
on conflict (user_id, skill_id) do update
    set
        status = excluded.status,
        unlocked_at = least(user_skill_progress.started_at, excluded.unlocked_at),
        updated_at = excluded.updated_at
    where user_skill_progress.status = 'LOCKED'
returning user_skill_progress.skill_id;
