-- Count again what a learner's profile holds about the ledger, days, skills and trees. The level is left out: it never
-- falls, and doctor/mend_level raises it when it is certain which XP stays.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 550
-- @never Seq Scan on user_activity_days, user_profiles, user_skill_progress, user_skill_tree_progress, xp_events
with run as (
    select
        streaks.user_id,
        (array_agg(streaks.days order by streaks.ends_on desc))[1] as latest,
        max(streaks.days) as longest,
        (array_agg(streaks.begins_on order by streaks.ends_on desc))[1] as latest_begins_on,
        max(streaks.ends_on) as latest_on
    from streaks
    where streaks.user_id = %(user_id)s
    group by streaks.user_id
),

counted as (
    select
        user_profiles.user_id,
        (
            select coalesce(sum(xp_events.xp), 0)
            from xp_events
            where xp_events.user_id = %(user_id)s
        ) as total_xp,
        (
            select count(*)::integer
            from user_skill_progress
            where
                user_skill_progress.user_id = %(user_id)s
                and user_skill_progress.status = 'COMPLETED'
        ) as skills_completed,
        (
            select count(*)::integer
            from user_skill_tree_progress
            where
                user_skill_tree_progress.user_id = %(user_id)s
                and user_skill_tree_progress.status <> 'NOT_STARTED'
        ) as trees_started,
        (
            select count(*)::integer
            from user_skill_tree_progress
            where
                user_skill_tree_progress.user_id = %(user_id)s
                and user_skill_tree_progress.status = 'COMPLETED'
        ) as trees_completed,
        (
            select coalesce(sum(user_activity_days.minutes), 0)
            from user_activity_days
            where user_activity_days.user_id = %(user_id)s
        ) as minutes,
        coalesce(run.latest, 0) as current_streak,
        coalesce(run.longest, 0) as max_streak,
        (
            select
                min(
                    coalesce(
                        user_activity_days.learnt_at, user_activity_days.activity_date::timestamp at time zone 'UTC'
                    )
                )
            from user_activity_days
            where
                user_activity_days.user_id = %(user_id)s
                and user_activity_days.activity_date >= run.latest_begins_on
                and user_activity_days.is_counted
        ) as streak_started_at,
        run.latest_on as last_activity_on
    from user_profiles
    left join run on run.user_id = user_profiles.user_id
    where user_profiles.user_id = %(user_id)s
)

update user_profiles
set
    total_xp = counted.total_xp,
    current_streak = counted.current_streak,
    max_streak = counted.max_streak,
    streak_started_at = counted.streak_started_at,
    last_activity_on = counted.last_activity_on,
    skills_completed = counted.skills_completed,
    trees_started = counted.trees_started,
    trees_completed = counted.trees_completed,
    hours_learned = case
        when abs(user_profiles.hours_learned * 60 - counted.minutes) > 0.5 then counted.minutes / 60.0
        else user_profiles.hours_learned
    end,
    updated_at = now()
from counted
where
    user_profiles.user_id = %(user_id)s
    and user_profiles.user_id = counted.user_id
returning user_profiles.user_id;
