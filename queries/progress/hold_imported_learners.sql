-- Lock the learners of the rows to import, in the order of their ids. So no action of theirs comes between the rows and
-- the updates that follow. The trees have been locked before.
--
-- @role app_service
-- @after progress/begin_import
-- @step import_rows locks the learners with it
-- @setup insert into pg_temp.imported_progress (
--     position, user_id, skill_id, status, progress_percent, time_spent_minutes, attempts_count, failed_attempts,
--     completed_at
--     )
--     select row_number() over (order by user_id, skill_id), user_id, skill_id, 'COMPLETED', 100, 5, 0, 0, now()
--     from user_profiles cross join unnest(%(first_skill_ids)s::uuid[]) as skill_id
--     where trees_started = 0 order by user_id, skill_id limit 1000
-- @budget buffers 6000
with imported_learner as materialized (
    select distinct imported.user_id as id
    from pg_temp.imported_progress as imported
    order by id
)

select hold_learner(imported_learner.id)
from imported_learner;
