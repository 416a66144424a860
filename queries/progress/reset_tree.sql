-- Delete a learner's work on all skills of a tree, as if it had never begun. XP, achievements and days stay.
--
-- @role app_engine
-- @budget buffers 3100
-- @never Seq Scan on user_profiles, user_skill_progress
with given as (
    select %(tree_id)s::uuid as tree_id
),

situation as (
    select
        user_profiles.user_id,
        skill_trees.id as skill_tree_id
    from given
    left join user_profiles on user_profiles.user_id = %(user_id)s
    left join visible_trees as skill_trees on skill_trees.id = given.tree_id
),

-- Materialized, because a distributed server runs the parts in order: this one before the change.
known_work as materialized (
    select
        user_skill_progress.skill_id,
        user_skill_progress.status
    from user_skill_progress
    where
        user_skill_progress.user_id = %(user_id)s
        and user_skill_progress.skill_tree_id = (select given.tree_id from given)
),

reset_skill as (
    update user_skill_progress
    set
        -- No skill is satisfied any more, so only skills without active dependencies are open.
        status = case
            when exists (
                select from skills as prerequisite
                where
                    prerequisite.id = any(skills.dependencies)
                    and prerequisite.is_active
            ) then 'LOCKED'::skill_progress_status
            else 'AVAILABLE'
        end,
        progress_percent = 0,
        time_spent_minutes = 0,
        attempts_count = 0,
        failed_attempts = 0,
        completion_method = null,
        completion_score = null,
        evidence_data = null,
        started_at = null,
        last_activity_at = null,
        completed_at = null,
        passing_score_waived = false,
        struggling_indicators = null,
        engagement_score = null,
        updated_at = now()
    from skills
    where
        user_skill_progress.user_id = %(user_id)s
        and user_skill_progress.skill_tree_id = (select given.tree_id from given)
        and skills.id = user_skill_progress.skill_id
    returning user_skill_progress.user_id
),

begun_tree as (
    insert into begun_trees (skill_tree_id)
    select situation.skill_tree_id
    from situation
    where
        situation.user_id is not null
        and situation.skill_tree_id is not null
        and not exists (
            select from begun_trees
            where begun_trees.skill_tree_id = situation.skill_tree_id
        )
    on conflict (skill_tree_id) do nothing
    returning begun_trees.skill_tree_id
),

reset_tree as (
    insert into user_skill_tree_progress (user_id, skill_tree_id)
    select
        situation.user_id,
        situation.skill_tree_id
    from situation
    where
        situation.user_id is not null
        and situation.skill_tree_id is not null
    on conflict (user_id, skill_tree_id) do update
        set
            status = 'NOT_STARTED',
            started_at = null,
            last_activity_at = null,
            completed_at = null,
            current_path = '{}',
            updated_at = excluded.updated_at
    returning user_skill_tree_progress.user_id
),

updated_profile as (
    update user_profiles
    set
        skills_completed = greatest(user_profiles.skills_completed - completed.skills, 0),
        updated_at = now()
    from (
        select count(*)::integer as skills
        from known_work
        where known_work.status = 'COMPLETED'
    ) as completed
    where
        user_profiles.user_id = %(user_id)s
        and completed.skills > 0
    returning user_profiles.user_id
)

select
    case
        when situation.user_id is null then 'USER_NOT_FOUND'
        when situation.skill_tree_id is null then 'TREE_NOT_FOUND'
        else 'DONE'
    end as outcome
from situation;
