-- What a learner has reached, with the work on one skill and the progress in its tree, after what the same transaction
-- has done before.
--
-- at  when it was; null is now
--
-- @role app_engine
-- @step what every action on a skill answers, and a repeated completion; the first answers itself
-- @drafts only how far the learner is comes of it
-- @nullable progress: a skill reset before it was begun leaves none
-- @nullable tree_progress: nor its tree
-- @after progress/record_activity
-- @budget buffers 29
-- @never Seq Scan on user_profiles, user_skill_progress, user_skill_tree_progress
select
    user_profiles.total_xp,
    user_profiles.current_level as level,
    -- As a read at the moment of the action reports it.
    case
        when
            streak_goes_on(
                user_profiles.last_activity_on,
                user_profiles.last_activity_at,
                user_profiles.last_activity_offset,
                asked.at,
                local_clock(asked.at, user_profiles.timezone, user_profiles.day_starts_at)
            )
            then user_profiles.current_streak
        else 0
    end as current_streak,
    user_profiles.max_streak,
    (
        select to_json(work)
        from (
            select
                user_skill_progress.id,
                user_skill_progress.user_id,
                user_skill_progress.skill_id,
                user_skill_progress.skill_tree_id,
                user_skill_progress.status,
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
                user_skill_progress.passing_score_waived,
                user_skill_progress.created_at,
                user_skill_progress.updated_at
            from user_skill_progress
            where
                user_skill_progress.user_id = %(user_id)s
                and user_skill_progress.skill_id = %(skill_id)s
        ) as work
    ) as progress,
    (
        select to_json(way)
        from (
            select
                user_skill_tree_progress.id,
                user_skill_tree_progress.user_id,
                user_skill_tree_progress.skill_tree_id,
                user_skill_tree_progress.status,
                user_skill_tree_progress.progress_percent,
                user_skill_tree_progress.skills_completed,
                user_skill_tree_progress.total_skills,
                user_skill_tree_progress.time_spent_minutes,
                user_skill_tree_progress.started_at,
                user_skill_tree_progress.last_activity_at,
                user_skill_tree_progress.completed_at,
                user_skill_tree_progress.milestones_reached,
                user_skill_tree_progress.current_path,
                user_skill_tree_progress.created_at,
                user_skill_tree_progress.updated_at
            from user_skill_tree_progress
            where
                user_skill_tree_progress.user_id = %(user_id)s
                and user_skill_tree_progress.skill_tree_id = (
                    select skills.skill_tree_id
                    from skills
                    where skills.id = %(skill_id)s
                )
        ) as way
    ) as tree_progress
from (select coalesce(%(at)s::timestamptz, now()) as at) as asked
cross join user_profiles
where user_profiles.user_id = %(user_id)s;
