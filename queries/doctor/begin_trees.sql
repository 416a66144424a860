-- Start the trees that a learner works in without having started them.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 120
-- @never Seq Scan on user_skill_progress
insert into user_skill_tree_progress (user_id, skill_tree_id, status, started_at, last_activity_at)
select
    skill_work.user_id,
    skill_work.skill_tree_id,
    'IN_PROGRESS' as status,
    min(
        coalesce(
            skill_work.started_at,
            skill_work.completed_at,
            skill_work.last_activity_at,
            skill_work.created_at
        )
    ) as started_at,
    max(skill_work.last_activity_at) as last_activity_at
from skill_work
where
    skill_work.user_id = %(user_id)s
    and skill_work.is_begun
group by skill_work.user_id, skill_work.skill_tree_id
order by skill_work.skill_tree_id
on conflict (user_id, skill_tree_id) do update
    set
        status = excluded.status,
        started_at = excluded.started_at,
        last_activity_at = excluded.last_activity_at,
        updated_at = excluded.updated_at
    where user_skill_tree_progress.status = 'NOT_STARTED'
returning user_skill_tree_progress.skill_tree_id;
