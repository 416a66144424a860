-- All data about one learner, one item per row, by section and time. One statement, and so one snapshot.
--
-- Everything except secrets: hashes of passwords and tokens. Names are given with ids.
--
-- @role app_engine
-- @drafts it reads trees that the learner has worked in or is an author of
-- @budget buffers 5900
-- @never Seq Scan on user_achievements, user_activity_days, user_profiles, user_scores, user_sessions
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress, users, xp_events
with part as (
    select
        'account' as section,
        users.created_at as at,
        users.id::text as key,
        json_build_object(
            'id', users.id,
            'email', users.email,
            'username', users.username,
            'first_name', users.first_name,
            'last_name', users.last_name,
            'avatar_url', users.avatar_url,
            'is_active', users.is_active,
            'email_verified', users.email_verified,
            'last_login_at', users.last_login_at,
            'created_at', users.created_at,
            'updated_at', users.updated_at,
            'created_by', users.created_by,
            'updated_by', users.updated_by
        )::text as item
    from users
    where users.id = %(user_id)s
    union all
    select
        'profile' as section,
        user_profiles.created_at as at,
        user_profiles.user_id::text as key,
        json_build_object(
            'bio', user_profiles.bio,
            'location', user_profiles.location,
            'website', user_profiles.website,
            'timezone', user_profiles.timezone,
            'day_starts_at', user_profiles.day_starts_at,
            'learning_goals', user_profiles.learning_goals,
            'interests', user_profiles.interests,
            'preferences', user_profiles.preferences,
            'is_on_leaderboard', user_profiles.is_on_leaderboard,
            'total_xp', user_profiles.total_xp,
            'current_level', user_profiles.current_level,
            'current_streak', user_profiles.current_streak,
            'max_streak', user_profiles.max_streak,
            'last_activity_at', user_profiles.last_activity_at,
            'last_activity_on', user_profiles.last_activity_on,
            'last_activity_offset', user_profiles.last_activity_offset,
            'streak_started_at', user_profiles.streak_started_at,
            'skills_completed', user_profiles.skills_completed,
            'hours_learned', user_profiles.hours_learned,
            'trees_started', user_profiles.trees_started,
            'trees_completed', user_profiles.trees_completed,
            'created_at', user_profiles.created_at,
            'updated_at', user_profiles.updated_at
        )::text as item
    from user_profiles
    where user_profiles.user_id = %(user_id)s
    union all
    select
        'sessions' as section,
        user_sessions.started_at as at,
        user_sessions.id::text as key,
        json_build_object(
            'id', user_sessions.id,
            'device_info', user_sessions.device_info,
            'ip_address', user_sessions.ip_address,
            'started_at', user_sessions.started_at,
            'last_activity_at', user_sessions.last_activity_at,
            'expires_at', user_sessions.expires_at,
            'ended_at', user_sessions.ended_at,
            'is_active', user_sessions.is_active
        )::text as item
    from user_sessions
    where user_sessions.user_id = %(user_id)s
    union all
    select
        'audit_trail' as section,
        audit_trail.occurred_at as at,
        audit_trail.id::text as key,
        json_build_object(
            'table_name', audit_trail.table_name,
            'action', audit_trail.action,
            'row_keys', audit_trail.row_keys,
            'actor_id', audit_trail.actor_id,
            'occurred_at', audit_trail.occurred_at,
            'before', audit_trail.before,
            'after', audit_trail.after
        )::text as item
    from audit_trail
    where audit_trail.subject_id = %(user_id)s
    union all
    select
        'tokens' as section,
        user_tokens.created_at as at,
        user_tokens.purpose as key,
        json_build_object(
            'purpose', user_tokens.purpose,
            'email', user_tokens.email,
            'created_at', user_tokens.created_at,
            'expires_at', user_tokens.expires_at
        )::text as item
    from user_tokens
    where user_tokens.user_id = %(user_id)s
    union all
    select
        'log_ins' as section,
        login_attempts.last_failed_at as at,
        encode(login_attempts.identifier_hash, 'hex') || login_attempts.network as key,
        json_build_object(
            'network', login_attempts.network,
            'failures', login_attempts.failures,
            'last_failed_at', login_attempts.last_failed_at,
            'succeeded_at', login_attempts.succeeded_at
        )::text as item
    from users
    inner join login_attempts
        on login_attempts.identifier_hash in (
            sha256(convert_to(fold_name(users.email), 'UTF8')),
            sha256(convert_to(users.id::text, 'UTF8'))
        )
    where users.id = %(user_id)s
    union all
    select
        'tree_progress' as section,
        user_skill_tree_progress.created_at as at,
        user_skill_tree_progress.skill_tree_id::text as key,
        json_build_object(
            'id', user_skill_tree_progress.id,
            'skill_tree_id', user_skill_tree_progress.skill_tree_id,
            'tree', skill_trees.name,
            'status', user_skill_tree_progress.status,
            'progress_percent', user_skill_tree_progress.progress_percent,
            'skills_completed', user_skill_tree_progress.skills_completed,
            'total_skills', user_skill_tree_progress.total_skills,
            'time_spent_minutes', user_skill_tree_progress.time_spent_minutes,
            'started_at', user_skill_tree_progress.started_at,
            'last_activity_at', user_skill_tree_progress.last_activity_at,
            'completed_at', user_skill_tree_progress.completed_at,
            'milestones_reached', user_skill_tree_progress.milestones_reached,
            'current_path', user_skill_tree_progress.current_path,
            'created_at', user_skill_tree_progress.created_at,
            'updated_at', user_skill_tree_progress.updated_at
        )::text as item
    from user_skill_tree_progress
    inner join skill_trees on skill_trees.id = user_skill_tree_progress.skill_tree_id
    where user_skill_tree_progress.user_id = %(user_id)s
    union all
    select
        'skill_progress' as section,
        user_skill_progress.created_at as at,
        user_skill_progress.skill_id::text as key,
        json_build_object(
            'id', user_skill_progress.id,
            'skill_id', user_skill_progress.skill_id,
            'skill', skills.name,
            'skill_tree_id', user_skill_progress.skill_tree_id,
            'tree', skill_trees.name,
            'status', user_skill_progress.status,
            'progress_percent', user_skill_progress.progress_percent,
            'time_spent_minutes', user_skill_progress.time_spent_minutes,
            'attempts_count', user_skill_progress.attempts_count,
            'failed_attempts', user_skill_progress.failed_attempts,
            'completion_method', user_skill_progress.completion_method,
            'completion_score', user_skill_progress.completion_score,
            'evidence_data', user_skill_progress.evidence_data,
            'unlocked_at', user_skill_progress.unlocked_at,
            'started_at', user_skill_progress.started_at,
            'last_activity_at', user_skill_progress.last_activity_at,
            'completed_at', user_skill_progress.completed_at,
            'struggling_indicators', user_skill_progress.struggling_indicators,
            'engagement_score', user_skill_progress.engagement_score,
            'passing_score_waived', user_skill_progress.passing_score_waived,
            'created_at', user_skill_progress.created_at,
            'updated_at', user_skill_progress.updated_at
        )::text as item
    from user_skill_progress
    inner join skills on skills.id = user_skill_progress.skill_id
    inner join skill_trees on skill_trees.id = user_skill_progress.skill_tree_id
    where user_skill_progress.user_id = %(user_id)s
    union all
    select
        'achievements' as section,
        user_achievements.earned_at as at,
        user_achievements.achievement_id::text as key,
        json_build_object(
            'id', user_achievements.id,
            'achievement_id', user_achievements.achievement_id,
            'achievement', achievements.name,
            'earned_at', user_achievements.earned_at,
            'progress', user_achievements.progress,
            'metadata', user_achievements.metadata
        )::text as item
    from user_achievements
    inner join achievements on achievements.id = user_achievements.achievement_id
    where user_achievements.user_id = %(user_id)s
    union all
    select
        'xp_events' as section,
        xp_events.granted_at as at,
        xp_events.id::text as key,
        json_build_object(
            'id', xp_events.id,
            'source_kind', xp_events.source_kind,
            'source_id', xp_events.source_id,
            -- Null if the source has been deleted since.
            'source', coalesce(skills.name, achievements.name),
            'xp', xp_events.xp,
            'granted_at', xp_events.granted_at,
            'granted_on', xp_events.granted_on,
            'skill_tree_id', xp_events.skill_tree_id,
            'category_id', xp_events.category_id,
            'difficulty', xp_events.difficulty,
            'skill_type', xp_events.skill_type
        )::text as item
    from xp_events
    left join skills
        on
            xp_events.source_kind = 'SKILL'
            and skills.id = xp_events.source_id
    left join achievements
        on
            xp_events.source_kind = 'ACHIEVEMENT'
            and achievements.id = xp_events.source_id
    where xp_events.user_id = %(user_id)s
    union all
    select
        'activity_days' as section,
        user_activity_days.activity_date::timestamptz as at,
        '' as key,
        json_build_object(
            'activity_date', user_activity_days.activity_date,
            'minutes', user_activity_days.minutes,
            'learnt_at', user_activity_days.learnt_at,
            'is_counted', user_activity_days.is_counted,
            'excuse', user_activity_days.excuse
        )::text as item
    from user_activity_days
    where user_activity_days.user_id = %(user_id)s
    union all
    select
        'scores' as section,
        user_scores.starts_on::timestamptz as at,
        user_scores.board::text as key,
        json_build_object(
            'board', user_scores.board,
            'starts_on', user_scores.starts_on,
            'xp', user_scores.xp,
            'reached_at', user_scores.reached_at,
            'is_listed', user_scores.is_listed
        )::text as item
    from user_scores
    where user_scores.user_id = %(user_id)s
    union all
    select
        'authored_trees' as section,
        skill_trees.created_at as at,
        skill_trees.id::text as key,
        json_build_object(
            'id', skill_trees.id,
            'tree', skill_trees.name,
            'created_by', skill_trees.created_by,
            'updated_by', skill_trees.updated_by
        )::text as item
    from users
    inner join skill_trees on users.id in (skill_trees.created_by, skill_trees.updated_by)
    where users.id = %(user_id)s
    union all
    select
        'authored_skills' as section,
        skills.created_at as at,
        skills.id::text as key,
        json_build_object(
            'id', skills.id,
            'skill', skills.name,
            'created_by', skills.created_by,
            'updated_by', skills.updated_by
        )::text as item
    from users
    inner join skills on users.id in (skills.created_by, skills.updated_by)
    where users.id = %(user_id)s
)

select
    part.section,
    part.item
from part
order by part.section, part.at, part.key;
