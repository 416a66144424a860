-- Copy the tree progress of an erased learner to the account without an owner, without the chosen path.
--
-- nobody_id  the account that gets it
--
-- @role app_service
-- @across kept rows move to another account
-- @after erasure/keep_account
-- @budget buffers 260
-- @never Seq Scan on user_skill_tree_progress
insert into user_skill_tree_progress (
    user_id,
    skill_tree_id,
    id,
    status,
    progress_percent,
    skills_completed,
    total_skills,
    time_spent_minutes,
    started_at,
    last_activity_at,
    completed_at,
    milestones_reached,
    created_at,
    updated_at
)
select
    %(nobody_id)s::uuid,
    user_skill_tree_progress.skill_tree_id,
    -- Not version 7, which would contain the time of the erasure.
    gen_random_uuid(),
    user_skill_tree_progress.status,
    user_skill_tree_progress.progress_percent,
    user_skill_tree_progress.skills_completed,
    user_skill_tree_progress.total_skills,
    user_skill_tree_progress.time_spent_minutes,
    date_trunc('day', user_skill_tree_progress.started_at, 'UTC'),
    date_trunc('day', user_skill_tree_progress.last_activity_at, 'UTC'),
    date_trunc('day', user_skill_tree_progress.completed_at, 'UTC'),
    user_skill_tree_progress.milestones_reached,
    date_trunc('day', user_skill_tree_progress.created_at, 'UTC'),
    date_trunc('day', user_skill_tree_progress.updated_at, 'UTC')
from user_skill_tree_progress
where user_skill_tree_progress.user_id = %(user_id)s
returning user_skill_tree_progress.skill_tree_id;
