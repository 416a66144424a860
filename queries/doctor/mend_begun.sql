-- Record in begun_trees that some trees have learners. The learners and all other authors have been locked out before.
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
    skill_trees.id = any(%(tree_ids)s::uuid[])
    and (
        exists (
            select from user_skill_tree_progress
            where user_skill_tree_progress.skill_tree_id = skill_trees.id
        )
        or exists (
            select from user_skill_progress
            inner join skills
                on
                    skills.id = user_skill_progress.skill_id
                    and skills.skill_tree_id = skill_trees.id
            where user_skill_progress.skill_tree_id = skill_trees.id
        )
    )
order by skill_trees.id
on conflict (skill_tree_id) do nothing
returning begun_trees.skill_tree_id;
