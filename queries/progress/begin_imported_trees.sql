-- Start the trees of the imported rows for the learners who have not started them.
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
with imported_tree as materialized (
    select distinct
        imported.user_id,
        skills.skill_tree_id
    from pg_temp.imported_progress as imported
    inner join skills on skills.id = imported.skill_id
),

begun as (
    select
        imported_tree.user_id,
        imported_tree.skill_tree_id,
        min(
            coalesce(
                skill_work.started_at,
                skill_work.completed_at,
                skill_work.last_activity_at,
                skill_work.created_at
            )
        ) as started_at,
        max(
            greatest(skill_work.last_activity_at, skill_work.completed_at)
        ) as last_activity_at
    from imported_tree
    inner join skill_work
        on
            skill_work.user_id = imported_tree.user_id
            and skill_work.skill_tree_id = imported_tree.skill_tree_id
    where skill_work.is_begun
    group by imported_tree.user_id, imported_tree.skill_tree_id
)

insert into user_skill_tree_progress (user_id, skill_tree_id, status, started_at, last_activity_at)
select
    begun.user_id,
    begun.skill_tree_id,
    'IN_PROGRESS' as status,
    begun.started_at,
    begun.last_activity_at
from begun
order by begun.user_id, begun.skill_tree_id
on conflict (user_id, skill_tree_id) do update
    set
        status = excluded.status,
        started_at = excluded.started_at,
        last_activity_at = greatest(user_skill_tree_progress.last_activity_at, excluded.last_activity_at),
        updated_at = excluded.updated_at
    where user_skill_tree_progress.status = 'NOT_STARTED'
returning user_skill_tree_progress.skill_tree_id;
