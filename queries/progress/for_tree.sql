-- A learner's progress in a tree.
--
-- @step every action on a tree also returns it
-- @budget buffers 13
-- @never Seq Scan on user_skill_tree_progress
select
    user_skill_tree_progress.id,
    user_skill_tree_progress.user_id,
    user_skill_tree_progress.skill_tree_id,
    user_skill_tree_progress.status,
    user_skill_tree_progress.progress_percent,
    user_skill_tree_progress.skills_completed,
    user_skill_tree_progress.total_skills,
    user_skill_tree_progress.time_spent_minutes,
    user_skill_tree_progress.started_at,
    user_skill_tree_progress.last_activity_at,
    user_skill_tree_progress.completed_at,
    user_skill_tree_progress.milestones_reached,
    user_skill_tree_progress.current_path,
    user_skill_tree_progress.created_at,
    user_skill_tree_progress.updated_at
from user_skill_tree_progress
where
    user_skill_tree_progress.user_id = %(user_id)s
    and user_skill_tree_progress.skill_tree_id = %(tree_id)s;
