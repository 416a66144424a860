-- Store a score of a completed skill if it is higher than the stored one.
--
-- score  0 to 100; null means none
--
-- @role app_engine
-- @step runs when a skill is completed again
-- @after progress/complete_skill
-- @setup update user_skill_progress set completion_score = 0
--     where user_id = %(user_id)s and skill_id = %(skill_id)s
-- @budget buffers 42
-- @never Seq Scan on user_skill_progress
update user_skill_progress
set
    completion_score = %(score)s,
    updated_at = now()
where
    user_skill_progress.user_id = %(user_id)s
    and user_skill_progress.skill_id = %(skill_id)s
    and user_skill_progress.status = 'COMPLETED'
    and coalesce(user_skill_progress.completion_score < %(score)s, %(score)s is not null);
