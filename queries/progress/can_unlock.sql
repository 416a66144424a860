-- Whether a skill is open to a learner: all its active dependencies are satisfied, or the skill is in progress.
--
-- @sample skill_id: %(last_skill_id)s
-- @budget buffers 25
-- @never Seq Scan on user_skill_progress
select
    -- Not `unsatisfied_skills`: it has no rows for an unknown learner, who has satisfied nothing.
    not exists (
        select from skills as prerequisite
        left join skill_work
            on
                skill_work.user_id = %(user_id)s
                and skill_work.skill_id = prerequisite.id
                and skill_work.is_satisfied
        where
            prerequisite.id = any(skills.dependencies)
            and prerequisite.is_active
            and skill_work.skill_id is null
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
