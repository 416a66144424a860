-- A page of a learner's progress in skills, in the order of the skills' ids.
--
-- status          null lists every status
-- after_skill_id  the last skill of the previous page
--
-- @sample after_skill_id: null
-- @sample limit: 101
-- @budget buffers 130
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
    and (%(status)s::skill_progress_status is null or user_skill_progress.status = %(status)s)
    -- An index condition for the generic plan, too, which does not know whether this is the first page.
    and user_skill_progress.skill_id >= (
        select coalesce(%(after_skill_id)s::uuid, '00000000-0000-0000-0000-000000000000')
    )
    and user_skill_progress.skill_id is distinct from %(after_skill_id)s
order by user_skill_progress.skill_id
limit %(limit)s;
