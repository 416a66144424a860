-- Count again how many skills and trees the learners of the imported rows have started and completed.
--
-- @role app_service
-- @after progress/begin_import, progress/import_rows
-- @step a step of import_rows, after the rows are written
-- @across each row names its learner
-- @setup insert into pg_temp.imported_progress (
--     position, user_id, skill_id, status, progress_percent, time_spent_minutes, attempts_count, failed_attempts,
--     completed_at
--     )
--     select row_number() over (order by user_id, skill_id), user_id, skill_id, 'COMPLETED', 100, 5, 0, 0, now()
--     from user_profiles cross join unnest(%(first_skill_ids)s::uuid[]) as skill_id
--     where trees_started = 0 order by user_id, skill_id limit 1000
-- @budget buffers 60000
with imported_learner as materialized (
    select distinct imported.user_id
    from pg_temp.imported_progress as imported
)

update user_profiles
set
    skills_completed = (
        select count(*)
        from user_skill_progress
        where
            user_skill_progress.user_id = user_profiles.user_id
            and user_skill_progress.status = 'COMPLETED'
    ),
    trees_started = (
        select count(*)
        from user_skill_tree_progress
        where
            user_skill_tree_progress.user_id = user_profiles.user_id
            and user_skill_tree_progress.status <> 'NOT_STARTED'
    ),
    trees_completed = (
        select count(*)
        from user_skill_tree_progress
        where
            user_skill_tree_progress.user_id = user_profiles.user_id
            and user_skill_tree_progress.status = 'COMPLETED'
    ),
    updated_at = now()
from imported_learner
where user_profiles.user_id = imported_learner.user_id
returning user_profiles.user_id;
