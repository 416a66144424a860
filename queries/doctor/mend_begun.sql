-- Record in begun_trees that some trees have learners. The learners and all other authors have been locked out before.
--
-- @role app_service
-- @step a step of doctor.repair
-- @across looks for any learner of a tree
-- @budget buffers 20
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with candidate as materialized (
    select skill_trees.id
    from skill_trees
    where skill_trees.id = any(%(tree_ids)s::uuid[])
),

found as materialized (
    select user_skill_tree_progress.skill_tree_id
    from candidate
    inner join user_skill_tree_progress on user_skill_tree_progress.skill_tree_id = candidate.id
    union
    select user_skill_progress.skill_tree_id
    from candidate
    inner join user_skill_progress on user_skill_progress.skill_tree_id = candidate.id
    inner join skills
        on
            skills.id = user_skill_progress.skill_id
            and skills.skill_tree_id = user_skill_progress.skill_tree_id
)

insert into begun_trees (skill_tree_id)
select found.skill_tree_id
from found
order by found.skill_tree_id
on conflict (skill_tree_id) do nothing
returning begun_trees.skill_tree_id;
