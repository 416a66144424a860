-- All values of a learner that a repair may change, one per row.
--
-- @role app_service
-- @step doctor.repair compares its rows before and after
-- @notnull what: the days are finite, which to_char requires
-- @budget buffers 390
-- @never Seq Scan on user_achievements, user_profiles, user_scores, user_skill_progress, xp_events
-- @never Seq Scan on user_skill_tree_progress
select
    'learner' as subject_kind,
    user_profiles.user_id,
    null::uuid as subject_id,
    field.what,
    field.value
from user_profiles
cross join
    lateral (
        values
        ('timezone', user_profiles.timezone),
        ('total_xp', user_profiles.total_xp::text),
        ('current_level', user_profiles.current_level::text),
        ('current_streak', user_profiles.current_streak::text),
        ('streak_started_at', user_profiles.streak_started_at::text),
        ('max_streak', user_profiles.max_streak::text),
        ('last_activity_on', to_char(user_profiles.last_activity_on, 'YYYY-MM-DD')),
        ('skills_completed', user_profiles.skills_completed::text),
        ('trees_started', user_profiles.trees_started::text),
        ('trees_completed', user_profiles.trees_completed::text),
        ('hours_learned', user_profiles.hours_learned::text)
    ) as field (what, value)
where user_profiles.user_id = %(user_id)s
union all
select
    'tree' as subject_kind,
    user_skill_tree_progress.user_id,
    user_skill_tree_progress.skill_tree_id as subject_id,
    field.what,
    field.value
from user_skill_tree_progress
cross join
    lateral (
        values
        ('status', user_skill_tree_progress.status::text),
        ('total_skills', user_skill_tree_progress.total_skills::text),
        ('skills_completed', user_skill_tree_progress.skills_completed::text),
        ('progress_percent', user_skill_tree_progress.progress_percent::text),
        ('milestones_reached', user_skill_tree_progress.milestones_reached::text),
        ('current_path', user_skill_tree_progress.current_path::text),
        ('time_spent_minutes', user_skill_tree_progress.time_spent_minutes::text),
        ('started_at', user_skill_tree_progress.started_at::text),
        ('completed_at', user_skill_tree_progress.completed_at::text)
    ) as field (what, value)
where user_skill_tree_progress.user_id = %(user_id)s
union all
select
    'skill' as subject_kind,
    user_skill_progress.user_id,
    user_skill_progress.skill_id as subject_id,
    field.what,
    field.value
from user_skill_progress
cross join
    lateral (
        values
        ('status', user_skill_progress.status::text),
        -- A row that a repair itself inserts is shown by its status alone.
        (
            'skill_tree_id',
            case when user_skill_progress.created_at < now() then user_skill_progress.skill_tree_id::text end
        )
    ) as field (what, value)
where user_skill_progress.user_id = %(user_id)s
union all
select
    lower(xp_events.source_kind) as subject_kind,
    xp_events.user_id,
    xp_events.source_id as subject_id,
    field.what,
    field.value
from xp_events
cross join
    lateral (
        values
        ('xp event', xp_events.xp::text),
        ('xp event: skill_tree_id', xp_events.skill_tree_id::text),
        ('xp event: category_id', xp_events.category_id::text),
        ('xp event: difficulty', xp_events.difficulty::text),
        ('xp event: skill_type', xp_events.skill_type::text),
        (
            'xp event: granted_on',
            case when xp_events.source_kind = 'SKILL' then to_char(xp_events.granted_on, 'YYYY-MM-DD') end
        )
    ) as field (what, value)
where xp_events.user_id = %(user_id)s
union all
select
    'learner' as subject_kind,
    user_activity_days.user_id,
    null::uuid as subject_id,
    'activity day ' || to_char(user_activity_days.activity_date, 'YYYY-MM-DD') as what,
    user_activity_days.minutes || ' minutes' as value
from user_activity_days
where user_activity_days.user_id = %(user_id)s
union all
select
    'achievement' as subject_kind,
    user_achievements.user_id,
    user_achievements.achievement_id as subject_id,
    'award' as what,
    user_achievements.earned_at::text as value
from user_achievements
where user_achievements.user_id = %(user_id)s
union all
select
    'leaderboard' as subject_kind,
    user_scores.user_id,
    null::uuid as subject_id,
    user_scores.board || ' ' || to_char(user_scores.starts_on, 'YYYY-MM-DD') || ': ' || field.what as what,
    field.value
from user_scores
cross join
    lateral (
        values
        ('xp', user_scores.xp::text),
        ('reached_at', user_scores.reached_at::text),
        ('is_listed', user_scores.is_listed::text)
    ) as field (what, value)
where user_scores.user_id = %(user_id)s
order by subject_kind, subject_id, what;
