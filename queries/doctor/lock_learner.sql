-- Lock a learner before a repair, and exclude authors from the learner's trees, as progress/lock_for_skill does.
--
-- @role app_service
-- @step the first step of repairing a learner
-- @budget buffers 510
-- @never Seq Scan on user_profiles, user_skill_progress, user_skill_tree_progress
with own_tree as (
    select user_skill_tree_progress.skill_tree_id
    from user_skill_tree_progress
    where user_skill_tree_progress.user_id = %(user_id)s
    union
    select user_skill_progress.skill_tree_id
    from user_skill_progress
    where user_skill_progress.user_id = %(user_id)s
    union
    -- The progress may have the wrong tree.
    select skills.skill_tree_id
    from user_skill_progress
    inner join skills on skills.id = user_skill_progress.skill_id
    where user_skill_progress.user_id = %(user_id)s
    order by skill_tree_id
),

tree_lock as materialized (
    select
        refuse_old_snapshot(),
        case
            when exists (
                select from begun_trees
                where begun_trees.skill_tree_id = own_tree.skill_tree_id
            ) then pg_advisory_xact_lock_shared(hashtextextended('learners of tree ' || own_tree.skill_tree_id, 0))
            else pg_advisory_xact_lock(hashtextextended('learners of tree ' || own_tree.skill_tree_id, 0))
        end
    from own_tree
)

select user_profiles.user_id
from user_profiles
where
    user_profiles.user_id = %(user_id)s
    -- The reference makes the sub-query run, and run before a row is locked.
    and (select count(*) from tree_lock) >= 0
for no key update;
