-- Update the learners' progress in the trees of the imported rows, as progress/refresh_tree does for one learner. A
-- completed tree gets the completion time of its last skill.
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
-- @budget buffers 90000
with imported_tree as materialized (
    select distinct
        imported.user_id,
        skills.skill_tree_id
    from pg_temp.imported_progress as imported
    inner join skills on skills.id = imported.skill_id
),

-- Each lateral query runs for one learner and tree at a time, because it aggregates. Its view has one row for them.
due as materialized (
    select
        begun_tree.user_id,
        begun_tree.skill_tree_id,
        standing.total_skills,
        standing.skills_completed,
        standing.progress_percent,
        standing.milestones_reached,
        standing.time_spent_minutes,
        standing.total_skills > 0 and standing.skills_completed = standing.total_skills as is_complete,
        work.last_completed_at
    from user_skill_tree_progress as begun_tree
    inner join imported_tree
        on
            imported_tree.user_id = begun_tree.user_id
            and imported_tree.skill_tree_id = begun_tree.skill_tree_id
    cross join
        lateral (
            select
                max(tree_standings.total_skills) as total_skills,
                max(tree_standings.skills_completed) as skills_completed,
                max(tree_standings.progress_percent) as progress_percent,
                max(tree_standings.milestones_reached) as milestones_reached,
                max(tree_standings.time_spent_minutes) as time_spent_minutes
            from tree_standings
            where
                tree_standings.user_id = begun_tree.user_id
                and tree_standings.skill_tree_id = begun_tree.skill_tree_id
        ) as standing
    cross join
        lateral (
            select max(user_skill_progress.completed_at) as last_completed_at
            from user_skill_progress
            where
                user_skill_progress.user_id = begun_tree.user_id
                and user_skill_progress.skill_tree_id = begun_tree.skill_tree_id
        ) as work
    where begun_tree.user_id = any(array(select learner.user_id from imported_tree as learner))
)

update user_skill_tree_progress
set
    total_skills = due.total_skills,
    skills_completed = due.skills_completed,
    progress_percent = due.progress_percent,
    milestones_reached = due.milestones_reached,
    time_spent_minutes = due.time_spent_minutes,
    status = case
        when due.is_complete and user_skill_tree_progress.status <> 'NOT_STARTED' then 'COMPLETED'
        else user_skill_tree_progress.status
    end,
    completed_at = case
        when due.is_complete and user_skill_tree_progress.status in ('IN_PROGRESS', 'PAUSED')
            then greatest(user_skill_tree_progress.started_at, due.last_completed_at)
        else user_skill_tree_progress.completed_at
    end,
    updated_at = now()
from due
where
    user_skill_tree_progress.user_id = due.user_id
    and user_skill_tree_progress.skill_tree_id = due.skill_tree_id
returning user_skill_tree_progress.skill_tree_id;
