-- Skill progress whose tree is not the tree of the skill.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 30000
select
    'skill' as subject_kind,
    user_skill_progress.user_id,
    user_skill_progress.skill_id as subject_id,
    'skill_tree_id' as what,
    skills.skill_tree_id::text as expected,
    user_skill_progress.skill_tree_id::text as found
from user_skill_progress
inner join skills on skills.id = user_skill_progress.skill_id
where user_skill_progress.skill_tree_id <> skills.skill_tree_id
order by user_skill_progress.user_id, user_skill_progress.skill_id;
