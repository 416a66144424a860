-- The rule of when a skill is open to a learner, in one place: two views, which the planner expands like the tables
-- that they read.

-- What a learner has done on skills. A skill is satisfied when it is completed or skipped: then what depends on it no
-- longer waits for it.
create view skill_work with (security_invoker = true) as
select
    user_skill_progress.user_id,
    user_skill_progress.skill_id,
    user_skill_progress.skill_tree_id,
    user_skill_progress.status,
    user_skill_progress.status in ('COMPLETED', 'SKIPPED') as is_satisfied,
    -- Work that is begun goes on when its skill gains a prerequisite.
    user_skill_progress.status in ('IN_PROGRESS', 'COMPLETED', 'SKIPPED') as is_begun,
    user_skill_progress.progress_percent,
    user_skill_progress.time_spent_minutes,
    user_skill_progress.attempts_count,
    user_skill_progress.failed_attempts,
    user_skill_progress.completion_method,
    user_skill_progress.completion_score,
    user_skill_progress.evidence_data,
    user_skill_progress.unlocked_at,
    user_skill_progress.started_at,
    user_skill_progress.last_activity_at,
    user_skill_progress.completed_at,
    user_skill_progress.struggling_indicators,
    user_skill_progress.engagement_score,
    user_skill_progress.created_at
from user_skill_progress;

-- What learners have not satisfied of the skills in use. A skill is open when none of its dependencies is among them.
create view unsatisfied_skills with (security_invoker = true) as
select
    user_profiles.user_id,
    skills.id as skill_id
from user_profiles
cross join skills
where
    skills.is_active
    and not exists (
        select from skill_work
        where
            skill_work.user_id = user_profiles.user_id
            and skill_work.skill_id = skills.id
            and skill_work.is_satisfied
    );

grant select on skill_work, unsatisfied_skills to app_user;
