-- Trees with learners that are missing in begun_trees: their learners wait for each other.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across looks for any learner of a tree
-- @budget buffers 550
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with candidate as materialized (
    select skill_trees.id
    from skill_trees
    where
        not exists (
            select from begun_trees
            where begun_trees.skill_tree_id = skill_trees.id
        )
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

select
    'tree' as subject_kind,
    null::uuid as user_id,
    found.skill_tree_id as subject_id,
    'begun' as what,
    'noted' as expected,
    null as found
from found
order by found.skill_tree_id;
