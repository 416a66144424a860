-- Update the learners' progress in the trees of the imported rows, as progress/refresh_tree does for one learner. A
-- completed tree gets the completion time of its last skill.
--
-- @role app_service
-- @after progress/begin_import, progress/import_rows
-- @step a step of import_rows, after the rows are written
-- @across each row names its learner
-- @citus correlated_not_on_learner: an import on a distributed server is refused here; without the sub-selects, one
--     server would compute the standings of all learners
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

due as (
    select
        imported_tree.user_id,
        imported_tree.skill_tree_id,
        standing.total_skills,
        standing.skills_completed,
        standing.progress_percent,
        standing.milestones_reached,
        standing.time_spent_minutes,
        standing.total_skills > 0 and standing.skills_completed = standing.total_skills as is_complete,
        (
            select max(user_skill_progress.completed_at)
            from user_skill_progress
            where
                user_skill_progress.user_id = imported_tree.user_id
                and user_skill_progress.skill_tree_id = imported_tree.skill_tree_id
        ) as last_completed_at
    from imported_tree
    cross join
        lateral (
            select
                tree_standings.total_skills,
                tree_standings.skills_completed,
                tree_standings.progress_percent,
                tree_standings.milestones_reached,
                tree_standings.time_spent_minutes
            from tree_standings
            where
                tree_standings.user_id = imported_tree.user_id
                and tree_standings.skill_tree_id = imported_tree.skill_tree_id
            -- The limit makes the planner look up this one row by its learner. Otherwise it computes the whole view.
            order by tree_standings.skill_tree_id
            limit 1
        ) as standing
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
