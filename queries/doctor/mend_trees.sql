-- Update a learner's progress in all trees, as progress/refresh_tree does in one, and remove ids from the path that are
-- not skills of the tree.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 860
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with due as (
    select
        user_skill_tree_progress.user_id,
        user_skill_tree_progress.skill_tree_id,
        tree_standings.total_skills,
        tree_standings.skills_completed,
        case
            when abs(tree_standings.progress_percent - user_skill_tree_progress.progress_percent) < 0.000001
                then user_skill_tree_progress.progress_percent
            else tree_standings.progress_percent
        end as progress_percent,
        -- The same set in another order is also correct.
        case
            when
                tree_standings.milestones_reached <@ user_skill_tree_progress.milestones_reached
                and tree_standings.milestones_reached @> user_skill_tree_progress.milestones_reached
                then user_skill_tree_progress.milestones_reached
            else tree_standings.milestones_reached
        end as milestones_reached,
        tree_standings.time_spent_minutes,
        array(
            select step.id
            from unnest(user_skill_tree_progress.current_path) with ordinality as step (id, place)
            inner join skills
                on
                    skills.id = step.id
                    and skills.skill_tree_id = user_skill_tree_progress.skill_tree_id
            order by step.place
        ) as current_path,
        case
            when
                user_skill_tree_progress.status in ('IN_PROGRESS', 'PAUSED')
                and tree_standings.total_skills > 0
                and tree_standings.skills_completed = tree_standings.total_skills
                then 'COMPLETED'
            else user_skill_tree_progress.status
        end as status,
        coalesce(
            user_skill_tree_progress.completed_at,
            (
                select max(user_skill_progress.completed_at)
                from user_skill_progress
                where
                    user_skill_progress.user_id = %(user_id)s
                    and user_skill_progress.skill_tree_id = user_skill_tree_progress.skill_tree_id
            ),
            user_skill_tree_progress.last_activity_at,
            now()
        ) as completed_at
    from user_skill_tree_progress
    inner join tree_standings
        on
            tree_standings.user_id = user_skill_tree_progress.user_id
            and tree_standings.skill_tree_id = user_skill_tree_progress.skill_tree_id
    where
        user_skill_tree_progress.user_id = %(user_id)s
        and tree_standings.user_id = %(user_id)s
)

update user_skill_tree_progress
set
    total_skills = due.total_skills,
    skills_completed = due.skills_completed,
    progress_percent = due.progress_percent,
    milestones_reached = due.milestones_reached,
    current_path = due.current_path,
    time_spent_minutes = due.time_spent_minutes,
    status = due.status,
    completed_at = case
        when due.status = 'COMPLETED' then greatest(due.completed_at, user_skill_tree_progress.started_at)
    end,
    updated_at = now()
from due
where
    user_skill_tree_progress.user_id = %(user_id)s
    and user_skill_tree_progress.skill_tree_id = due.skill_tree_id
    and (
        (due.status = 'COMPLETED' and user_skill_tree_progress.completed_at is null)
        or row(
            user_skill_tree_progress.total_skills,
            user_skill_tree_progress.skills_completed,
            user_skill_tree_progress.progress_percent,
            user_skill_tree_progress.milestones_reached,
            user_skill_tree_progress.current_path,
            user_skill_tree_progress.time_spent_minutes,
            user_skill_tree_progress.status
        ) <> row(
            due.total_skills,
            due.skills_completed,
            due.progress_percent,
            due.milestones_reached,
            due.current_path,
            due.time_spent_minutes,
            due.status
        )
    )
returning user_skill_tree_progress.skill_tree_id;
