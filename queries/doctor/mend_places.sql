-- Say of a learner's work on skills in which tree it is: the skill's own.
--
-- @role app_service
-- @step how doctor.repair mends
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
