-- Delete a learner's work on a skill, as if it had never begun. XP, achievements and days stay.
--
-- @role app_engine
-- @sample skill_id: (
--     select skill_id from user_skill_progress where user_id = %(user_id)s and status = 'COMPLETED'
--     order by skill_id limit 1
--     )
-- @budget buffers 110
-- @never Seq Scan on user_profiles, user_skill_progress
with given as (
    select
        %(skill_id)s::uuid as skill_id,
        -- As in progress/work_on_skill.
        now() as written_at
),

situation as (
    select
        user_profiles.user_id,
        skills.id as skill_id,
        skills.skill_tree_id,
        user_skill_progress.status,
        not exists (
            select from unsatisfied_skills
            where
                unsatisfied_skills.user_id = %(user_id)s
                and unsatisfied_skills.skill_id = any(skills.dependencies)
        ) as is_open
    from given
    left join user_profiles on user_profiles.user_id = %(user_id)s
    left join skills
        on
            skills.id = given.skill_id
            and exists (
                select from visible_trees
                where visible_trees.id = skills.skill_tree_id
            )
    left join user_skill_progress
        on
            user_skill_progress.user_id = %(user_id)s
            and user_skill_progress.skill_id = skills.id
),

reset_skill as (
    update user_skill_progress
    set
        status = case when situation.is_open then 'AVAILABLE'::skill_progress_status else 'LOCKED' end,
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
    from situation
    where
        user_skill_progress.user_id = %(user_id)s
        and user_skill_progress.skill_id = situation.skill_id
    returning user_skill_progress.user_id
),

updated_profile as (
    update user_profiles
    set
        skills_completed = greatest(user_profiles.skills_completed - 1, 0),
        updated_at = given.written_at
    from situation
    cross join given
    where
        user_profiles.user_id = %(user_id)s
        and situation.status = 'COMPLETED'
    returning user_profiles.user_id
)

select
    case
        when situation.user_id is null then 'USER_NOT_FOUND'
        when situation.skill_id is null then 'SKILL_NOT_FOUND'
        else 'DONE'
    end as outcome
from situation;
