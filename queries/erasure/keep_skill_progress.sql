-- What an erased learner did on each skill, as nobody's. Evidence and what tells of struggling do not stay: they are
-- text and open documents.
--
-- nobody_id  whose it is from now on
--
-- @role app_service
-- @across what is kept becomes nobody's
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
