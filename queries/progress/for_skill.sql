-- A learner's progress in a skill.
--
-- @budget buffers 13
-- @never Seq Scan on user_skill_progress
select
    user_skill_progress.id,
    user_skill_progress.user_id,
    user_skill_progress.skill_id,
    user_skill_progress.skill_tree_id,
    user_skill_progress.status,
    user_skill_progress.progress_percent,
    user_skill_progress.time_spent_minutes,
    user_skill_progress.attempts_count,
    user_skill_progress.failed_attempts,
    user_skill_progress.completion_method,
    user_skill_progress.completion_score,
    user_skill_progress.evidence_data,
    user_skill_progress.unlocked_at,
    user_skill_progress.started_at,
    user_skill_progress.last_activity_at,
    user_skill_progress.completed_at,
    user_skill_progress.struggling_indicators,
    user_skill_progress.engagement_score,
    user_skill_progress.passing_score_waived,
    user_skill_progress.created_at,
    user_skill_progress.updated_at
from user_skill_progress
where
    user_skill_progress.user_id = %(user_id)s
    and user_skill_progress.skill_id = %(skill_id)s;
