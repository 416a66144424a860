-- Copy the skill progress of an erased learner to the account without an owner. Evidence and struggling indicators are
-- not kept: they contain free text and open documents.
--
-- nobody_id  the account that gets it
--
-- @role app_service
-- @across kept rows move to another account
-- @after erasure/keep_account
-- @budget buffers 6300
-- @never Seq Scan on user_skill_progress
insert into user_skill_progress (
    user_id,
    skill_id,
    id,
    skill_tree_id,
    status,
    progress_percent,
    time_spent_minutes,
    attempts_count,
    failed_attempts,
    completion_method,
    completion_score,
    unlocked_at,
    started_at,
    last_activity_at,
    completed_at,
    engagement_score,
    passing_score_waived,
    created_at,
    updated_at
)
select
    %(nobody_id)s::uuid,
    user_skill_progress.skill_id,
    gen_random_uuid(),
    user_skill_progress.skill_tree_id,
    user_skill_progress.status,
    user_skill_progress.progress_percent,
    user_skill_progress.time_spent_minutes,
    user_skill_progress.attempts_count,
    user_skill_progress.failed_attempts,
    user_skill_progress.completion_method,
    user_skill_progress.completion_score,
    date_trunc('day', user_skill_progress.unlocked_at, 'UTC'),
    date_trunc('day', user_skill_progress.started_at, 'UTC'),
    date_trunc('day', user_skill_progress.last_activity_at, 'UTC'),
    date_trunc('day', user_skill_progress.completed_at, 'UTC'),
    user_skill_progress.engagement_score,
    user_skill_progress.passing_score_waived,
    date_trunc('day', user_skill_progress.created_at, 'UTC'),
    date_trunc('day', user_skill_progress.updated_at, 'UTC')
from user_skill_progress
where user_skill_progress.user_id = %(user_id)s
returning user_skill_progress.skill_id;
