-- Update the cached progress of a learner in a tree, and the numbers of trees that the learner has started and
-- completed. A tree is completed with its last skill, and stays completed.
--
-- skill_id, tree_id  one of them identifies the tree
-- at                 the time of the action; null is now
--
-- @role app_engine
-- @step runs after every action except a completion
-- @drafts it updates only trees that the learner is in
-- @after progress/work_on_skill
-- @sample tree_id: null
-- @budget buffers 140
-- @never Seq Scan on user_profiles, user_skill_progress, user_skill_tree_progress
with moment as materialized (
    select
        coalesce(%(at)s::timestamptz, now()) as at,
        -- As in progress/work_on_skill.
        now() as written_at
),

tree as (
    select %(tree_id)s::uuid as id
    where %(tree_id)s::uuid is not null
    union all
    select skills.skill_tree_id
    from skills
    where
        skills.id = %(skill_id)s
        and %(tree_id)s::uuid is null
),

standing as (
    select
        tree_standings.skill_tree_id,
        tree_standings.total_skills,
        tree_standings.skills_completed,
        tree_standings.progress_percent,
        tree_standings.milestones_reached,
        tree_standings.time_spent_minutes,
        tree_standings.total_skills > 0
        and tree_standings.skills_completed = tree_standings.total_skills as is_complete
    from tree_standings
    where
        tree_standings.user_id = %(user_id)s
        and tree_standings.skill_tree_id = (select tree.id from tree)
),

due as (
    select
        user_skill_tree_progress.skill_tree_id,
        case
            when user_skill_tree_progress.status in ('IN_PROGRESS', 'PAUSED') and standing.is_complete then 'COMPLETED'
            else user_skill_tree_progress.status
        end as status
    from user_skill_tree_progress
    left join standing on standing.skill_tree_id = user_skill_tree_progress.skill_tree_id
    where user_skill_tree_progress.user_id = %(user_id)s
),

refreshed_tree as (
    update user_skill_tree_progress
    set
        total_skills = standing.total_skills,
        skills_completed = standing.skills_completed,
        progress_percent = standing.progress_percent,
        milestones_reached = standing.milestones_reached,
        time_spent_minutes = standing.time_spent_minutes,
        status = due.status,
        completed_at = case
            when due.status = 'COMPLETED'
                then coalesce(
                    user_skill_tree_progress.completed_at,
                    greatest(user_skill_tree_progress.started_at, moment.at)
                )
        end,
        updated_at = now()
    from standing
    inner join due on due.skill_tree_id = standing.skill_tree_id
    cross join moment
    where
        user_skill_tree_progress.user_id = %(user_id)s
        and user_skill_tree_progress.skill_tree_id = standing.skill_tree_id
        and row(
            user_skill_tree_progress.total_skills,
            user_skill_tree_progress.skills_completed,
            user_skill_tree_progress.progress_percent,
            user_skill_tree_progress.milestones_reached,
            user_skill_tree_progress.time_spent_minutes,
            user_skill_tree_progress.status
        ) is distinct from row(
            standing.total_skills,
            standing.skills_completed,
            standing.progress_percent,
            standing.milestones_reached,
            standing.time_spent_minutes,
            due.status
        )
    returning user_skill_tree_progress.skill_tree_id
),

counted as (
    select
        count(*) filter (where due.status <> 'NOT_STARTED')::integer as started,
        count(*) filter (where due.status = 'COMPLETED')::integer as completed
    from due
),

updated_profile as (
    update user_profiles
    set
        trees_started = counted.started,
        trees_completed = counted.completed,
        updated_at = moment.written_at
    from counted
    cross join moment
    where
        user_profiles.user_id = %(user_id)s
        and row(user_profiles.trees_started, user_profiles.trees_completed)
        is distinct from row(counted.started, counted.completed)
    returning user_profiles.user_id
)

select updated_profile.user_id
from updated_profile;
