-- The trees that a learner has started, the latest used first.
--
-- @drafts a learner keeps the trees that an author has unpublished
-- @budget buffers 48
-- @never Seq Scan on user_skill_tree_progress
select
    skill_trees.id,
    skill_trees.name,
    skill_trees.slug,
    user_skill_tree_progress.status,
    user_skill_tree_progress.progress_percent,
    user_skill_tree_progress.skills_completed,
    user_skill_tree_progress.total_skills,
    user_skill_tree_progress.time_spent_minutes,
    user_skill_tree_progress.last_activity_at
from user_skill_tree_progress
inner join skill_trees on user_skill_tree_progress.skill_tree_id = skill_trees.id
where user_skill_tree_progress.user_id = %(user_id)s
order by user_skill_tree_progress.last_activity_at desc nulls last, skill_trees.id
limit %(limit)s;
