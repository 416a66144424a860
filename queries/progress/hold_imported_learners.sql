-- Lock the learners of the rows to import, in the order of their ids. So no action of theirs comes between the rows and
-- the updates that follow. The trees have been locked before.
--
-- @role app_service
-- @after progress/begin_import
-- @step import_rows locks the learners with it
-- @across each row names its learner
-- @setup insert into pg_temp.imported_progress (
--     position, user_id, skill_id, status, progress_percent, time_spent_minutes, attempts_count, failed_attempts,
--     completed_at
--     )
--     select row_number() over (order by user_id, skill_id), user_id, skill_id, 'COMPLETED', 100, 5, 0, 0, now()
--     from user_profiles cross join unnest(%(first_skill_ids)s::uuid[]) as skill_id
--     where trees_started = 0 order by user_id, skill_id limit 1000
-- @budget buffers 6000
select user_profiles.user_id
from user_profiles
where
    user_profiles.user_id in (
        select imported.user_id
        from pg_temp.imported_progress as imported
    )
order by user_profiles.user_id
for no key update;
