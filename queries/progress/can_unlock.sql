-- Whether a skill is open to one learner: every direct active prerequisite is completed or skipped, or the work goes on
-- that was begun before.
--
-- @sample skill_id: %(last_skill_id)s
-- @budget buffers 19
-- @never Seq Scan on user_skill_progress
select
    not exists (
        select from unsatisfied_skills
        where
            unsatisfied_skills.user_id = %(user_id)s
            and unsatisfied_skills.skill_id = any(skills.dependencies)
    )
    or exists (
        select from user_skill_progress as own
        where
            own.user_id = %(user_id)s
            and own.skill_id = skills.id
            and own.status = 'IN_PROGRESS'
    ) as can_unlock
from skills
inner join visible_trees on visible_trees.id = skills.skill_tree_id
where skills.id = %(skill_id)s;
