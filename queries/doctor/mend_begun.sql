-- Record in begun_trees that a tree has learners. The learners and all other authors have been locked out before.
--
-- @role app_service
-- @step a step of doctor.repair
-- @across looks for any learner of a tree
-- @budget buffers 20
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
insert into begun_trees (skill_tree_id)
select skill_trees.id
from skill_trees
where
    skill_trees.id = %(tree_id)s
    and (
        exists (
            select 1 from user_skill_tree_progress
            where user_skill_tree_progress.skill_tree_id = %(tree_id)s
            order by user_skill_tree_progress.skill_tree_id
            limit 1
        )
        or exists (
            select 1 from user_skill_progress
            inner join skills
                on
                    skills.id = user_skill_progress.skill_id
                    and skills.skill_tree_id = %(tree_id)s
            where user_skill_progress.skill_tree_id = %(tree_id)s
            order by user_skill_progress.skill_tree_id
            limit 1
        )
    )
on conflict (skill_tree_id) do nothing
returning begun_trees.skill_tree_id;
