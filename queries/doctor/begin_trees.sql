-- Begin the trees that a learner works in without having begun them.
--
-- @role app_service
-- @step how doctor.repair mends
-- @budget buffers 120
-- @never Seq Scan on user_skill_progress
insert into user_skill_tree_progress (user_id, skill_tree_id, status, started_at, last_activity_at)
select
    user_skill_progress.user_id,
    user_skill_progress.skill_tree_id,
    'IN_PROGRESS' as status,
    min(
        coalesce(
            user_skill_progress.started_at,
            user_skill_progress.completed_at,
            user_skill_progress.last_activity_at,
            user_skill_progress.created_at
        )
    ) as started_at,
    max(user_skill_progress.last_activity_at) as last_activity_at
from user_skill_progress
where
    user_skill_progress.user_id = %(user_id)s
    and user_skill_progress.status in ('IN_PROGRESS', 'COMPLETED', 'SKIPPED')
group by user_skill_progress.user_id, user_skill_progress.skill_tree_id
order by user_skill_progress.skill_tree_id
on conflict (user_id, skill_tree_id) do update
    set
        status = excluded.status,
        started_at = excluded.started_at,
        last_activity_at = excluded.last_activity_at,
        updated_at = excluded.updated_at
    where user_skill_tree_progress.status = 'NOT_STARTED'
returning user_skill_tree_progress.skill_tree_id;
