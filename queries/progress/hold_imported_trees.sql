-- Lock the trees of the rows to import in the order of their ids, as an action of a learner does
-- (progress/lock_for_skill).
--
-- @role app_service
-- @after progress/begin_import
-- @step import_rows locks the trees with it
-- @setup insert into pg_temp.imported_progress (
--     position, user_id, skill_id, status, progress_percent, time_spent_minutes, attempts_count, failed_attempts,
--     completed_at
--     )
--     select row_number() over (order by user_id, skill_id), user_id, skill_id, 'COMPLETED', 100, 5, 0, 0, now()
--     from user_profiles cross join unnest(%(first_skill_ids)s::uuid[]) as skill_id
--     where trees_started = 0 order by user_id, skill_id limit 1000
-- @budget buffers 3800
with imported_tree as materialized (
    select distinct skills.skill_tree_id
    from pg_temp.imported_progress as imported
    inner join skills on skills.id = imported.skill_id
    order by skills.skill_tree_id
)

select
    refuse_old_snapshot(),
    case
        when exists (
            select from begun_trees
            where begun_trees.skill_tree_id = imported_tree.skill_tree_id
        ) then pg_advisory_xact_lock_shared(hashtextextended('learners of tree ' || imported_tree.skill_tree_id, 0))
        else pg_advisory_xact_lock(hashtextextended('learners of tree ' || imported_tree.skill_tree_id, 0))
    end
from imported_tree;
