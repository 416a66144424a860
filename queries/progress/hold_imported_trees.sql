-- Keep authors out of the trees of the rows to import, in the order of their ids, as an action of a learner does
-- (progress/hold_tree).
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
-- @budget buffers 18
with imported_skill as (
    select distinct imported.skill_id
    from pg_temp.imported_progress as imported
),

imported_tree as materialized (
    select distinct tree_of_skill(imported_skill.skill_id) as id
    from imported_skill
    order by id
)

select hold_tree_as_learner(imported_tree.id)
from imported_tree;
