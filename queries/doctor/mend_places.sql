-- Set the tree of a learner's skill progress to the tree of the skill.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 720
-- @never Seq Scan on user_skill_progress
update user_skill_progress
set
    skill_tree_id = skills.skill_tree_id,
    updated_at = now()
from skills
where
    user_skill_progress.user_id = %(user_id)s
    and skills.id = user_skill_progress.skill_id
    and skills.skill_tree_id <> user_skill_progress.skill_tree_id
returning user_skill_progress.skill_id;
