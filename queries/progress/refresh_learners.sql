-- Update the cached progress of all learners in an edited tree. An edit after which a learner has nothing left to do
-- completes the tree for them. Inactive skills are removed from their chosen paths. The tree has been locked before.
--
-- skill_id, slug, tree_id  one of them identifies the tree
--
-- @role app_service
-- @step runs after an edit that changes what counts
-- @across updates all learners of a tree
-- @after skills/deactivate
-- @sample skill_id: %(last_skill_id)s
-- @sample tree_id: null
-- @sample slug: null
-- @budget buffers 8500
-- @never Seq Scan on user_profiles, user_skill_progress, user_skill_tree_progress
with moment as materialized (
    select now() as at
),

tree as (
    select skills.skill_tree_id as id
    from skills
    where skills.id = %(skill_id)s
    union all
    select skill_trees.id
    from skill_trees
    where skill_trees.slug = %(slug)s
    union all
    select skill_trees.id
    from skill_trees
    where skill_trees.id = %(tree_id)s
),

standing as (
    select
        tree_standings.user_id,
        tree_standings.skill_tree_id,
        tree_standings.total_skills,
        tree_standings.skills_completed,
        tree_standings.progress_percent,
        tree_standings.milestones_reached,
        tree_standings.time_spent_minutes,
        tree_standings.total_skills > 0
        and tree_standings.skills_completed = tree_standings.total_skills
        and user_skill_tree_progress.status in ('IN_PROGRESS', 'PAUSED') as completes,
        moment.at
    from tree_standings
    cross join moment
    inner join user_skill_tree_progress
        on
            user_skill_tree_progress.user_id = tree_standings.user_id
            and user_skill_tree_progress.skill_tree_id = tree_standings.skill_tree_id
    where tree_standings.skill_tree_id = (select tree.id from tree)
),

refreshed_tree as (
    update user_skill_tree_progress
    set
        total_skills = standing.total_skills,
        skills_completed = standing.skills_completed,
        progress_percent = standing.progress_percent,
        milestones_reached = standing.milestones_reached,
        current_path = array(
            select step.id
            from unnest(user_skill_tree_progress.current_path) with ordinality as step (id, place)
            inner join skills on skills.id = step.id
            where skills.is_active
            order by step.place
        ),
        status = case when standing.completes then 'COMPLETED' else user_skill_tree_progress.status end,
        completed_at = case
            when standing.completes then greatest(user_skill_tree_progress.started_at, standing.at)
            else user_skill_tree_progress.completed_at
        end,
        updated_at = now()
    from standing
    where
        user_skill_tree_progress.user_id = standing.user_id
        and user_skill_tree_progress.skill_tree_id = standing.skill_tree_id
        and (
            standing.completes
            or user_skill_tree_progress.current_path && array(
                select skills.id
                from skills
                where
                    skills.skill_tree_id = (select tree.id from tree)
                    and not skills.is_active
            )
            or row(
                user_skill_tree_progress.total_skills,
                user_skill_tree_progress.skills_completed,
                user_skill_tree_progress.progress_percent,
                user_skill_tree_progress.milestones_reached
            ) is distinct from row(
                standing.total_skills,
                standing.skills_completed,
                standing.progress_percent,
                standing.milestones_reached
            )
        )
    returning user_skill_tree_progress.user_id
)

update user_profiles
set
    trees_completed = user_profiles.trees_completed + 1,
    updated_at = now()
from standing
where
    user_profiles.user_id = standing.user_id
    and standing.completes
returning user_profiles.user_id;
