"""Derived values computed from the facts by plain SQL, compared with the stored values.

These queries share no view and no function with the statements that maintain the stored values.
"""

from typing import Any

import psycopg

import cluster
from skilltree import Database

Connection = psycopg.Connection[tuple[Any, ...]]
Drift = dict[str, list[tuple[Any, ...]]]

_CHECKS = {
    "progress in a tree: stored, counted": """
        with counting as (
            select skills.skill_tree_id, skills.id
            from skills
            where skills.is_active
                and (
                    not skills.is_optional
                    or not exists (
                        select from skills as other
                        where other.skill_tree_id = skills.skill_tree_id
                            and other.is_active and not other.is_optional
                    )
                )
        ),

        counted as (
            select
                progress.user_id,
                progress.skill_tree_id,
                count(counting.id) as total,
                count(counting.id) filter (where work.status = 'COMPLETED') as completed,
                array_remove(
                    array_agg(
                        case
                            when skills.is_active and skills.is_milestone and work.status = 'COMPLETED' then skills.id
                        end
                        order by skills.id
                    ),
                    null
                ) as milestones,
                coalesce(sum(work.time_spent_minutes), 0) as minutes
            from user_skill_tree_progress as progress
            left join skills using (skill_tree_id)
            left join counting on counting.id = skills.id
            left join user_skill_progress as work
                on work.user_id = progress.user_id and work.skill_id = skills.id
            group by progress.user_id, progress.skill_tree_id
        )

        select
            stored.user_id, stored.skill_tree_id, stored.status,
            stored.total_skills, counted.total,
            stored.skills_completed, counted.completed,
            stored.progress_percent,
            stored.milestones_reached, counted.milestones,
            stored.time_spent_minutes, counted.minutes
        from user_skill_tree_progress as stored
        join counted using (user_id, skill_tree_id)
        where stored.total_skills <> counted.total
            or stored.skills_completed <> counted.completed
            or abs(
                stored.progress_percent
                - case when counted.total = 0 then 0 else 100.0 * counted.completed / counted.total end
            ) > 1e-9
            or array(select unnest(stored.milestones_reached) order by 1) <> counted.milestones
            or stored.time_spent_minutes <> counted.minutes
            or (
                stored.status in ('IN_PROGRESS', 'PAUSED')
                and counted.total > 0 and counted.completed = counted.total
            )
            or (stored.status = 'COMPLETED') <> (stored.completed_at is not null)
    """,
    "work in a tree that has not begun": """
        select user_id, skill_id
        from user_skill_progress
        left join user_skill_tree_progress as tree using (user_id, skill_tree_id)
        where user_skill_progress.status in ('IN_PROGRESS', 'COMPLETED', 'SKIPPED')
            and coalesce(tree.status, 'NOT_STARTED') = 'NOT_STARTED'
    """,
    "a skill with all that it needs, not unlocked": """
        select learner.user_id, skills.id
        from (select distinct user_id, skill_tree_id from user_skill_progress) as learner
        join skills using (skill_tree_id)
        left join user_skill_progress as work on work.user_id = learner.user_id and work.skill_id = skills.id
        where skills.is_active
            and (work.status is null or work.status = 'LOCKED' or work.unlocked_at is null)
            and exists (
                select from skills as needed where needed.id = any(skills.dependencies) and needed.is_active
            )
            and not exists (
                select from skills as needed
                where needed.id = any(skills.dependencies)
                    and needed.is_active
                    and not exists (
                        select from user_skill_progress as done
                        where done.user_id = learner.user_id and done.skill_id = needed.id
                            and done.status in ('COMPLETED', 'SKIPPED')
                    )
            )
    """,
    "a profile's counters: stored, counted": """
        with counted as (
            select
                user_id,
                (select coalesce(sum(xp), 0) from xp_events where xp_events.user_id = users.user_id) as xp,
                (
                    select count(*) from user_skill_progress as work
                    where work.user_id = users.user_id and work.status = 'COMPLETED'
                ) as skills,
                (
                    select count(*) from user_skill_tree_progress as tree
                    where tree.user_id = users.user_id and tree.status <> 'NOT_STARTED'
                ) as started,
                (
                    select count(*) from user_skill_tree_progress as tree
                    where tree.user_id = users.user_id and tree.status = 'COMPLETED'
                ) as completed,
                (
                    select coalesce(sum(minutes), 0) from user_activity_days as day
                    where day.user_id = users.user_id
                ) as minutes,
                (
                    select max(activity_date) from user_activity_days as day where day.user_id = users.user_id
                ) as latest
            from user_profiles as users
        )

        select
            stored.user_id,
            stored.total_xp, counted.xp,
            stored.skills_completed, counted.skills,
            stored.trees_started, counted.started,
            stored.trees_completed, counted.completed,
            stored.hours_learned * 60, counted.minutes,
            stored.last_activity_on, counted.latest
        from user_profiles as stored
        join counted using (user_id)
        where stored.total_xp <> counted.xp
            or stored.current_level <> (select max(level) from levels where min_xp <= counted.xp)
            or stored.skills_completed <> counted.skills
            or stored.trees_started <> counted.started
            or stored.trees_completed <> counted.completed
            or abs(stored.hours_learned * 60 - counted.minutes) > 1e-6
            or stored.last_activity_on is distinct from counted.latest
    """,
    "streaks: stored, counted": """
        with recursive run as (
            select user_id, activity_date, is_counted::integer as days
            from user_activity_days as day
            where not exists (
                select from user_activity_days as eve
                where eve.user_id = day.user_id and eve.activity_date = day.activity_date - 1
            )
            union all
            select run.user_id, day.activity_date, run.days + day.is_counted::integer
            from run
            join user_activity_days as day
                on day.user_id = run.user_id and day.activity_date = run.activity_date + 1
        ),

        counted as (
            select
                profile.user_id,
                coalesce(max(days), 0) as longest,
                coalesce(max(days) filter (where activity_date = last_activity_on), 0) as latest
            from user_profiles as profile
            left join run using (user_id)
            group by profile.user_id
        )

        select user_id, stored.current_streak, counted.latest, stored.max_streak, counted.longest
        from user_profiles as stored
        join counted using (user_id)
        where (stored.current_streak, stored.max_streak) <> (counted.latest, counted.longest)
    """,
    "a completed skill that has not paid": """
        select user_id, skill_id
        from user_skill_progress
        where status = 'COMPLETED' and not exists (
            select from xp_events
            where xp_events.user_id = user_skill_progress.user_id
                and source_kind = 'SKILL' and source_id = skill_id
        )
    """,
    "an achievement without its XP, or XP without the achievement": """
        select user_id, source_id, earned_at
        from (select user_id, source_id from xp_events where source_kind = 'ACHIEVEMENT') as event
        full join (select user_id, achievement_id as source_id, earned_at from user_achievements) as award
            using (user_id, source_id)
        where event is null or award is null
    """,
    "an achievement that is due, or is none": """
        with counted as (
            select
                profile.user_id,
                achievements.id as achievement_id,
                case achievements.criteria ->> 'type'
                    when 'skill_completion_count' then (
                        select count(*) from xp_events
                        where xp_events.user_id = profile.user_id and source_kind = 'SKILL'
                            and (
                                achievements.criteria #>> '{additionalParams,treeId}' is null
                                or skill_tree_id = (achievements.criteria #>> '{additionalParams,treeId}')::uuid
                            )
                    )
                    when 'xp_threshold' then (
                        select coalesce(sum(xp), 0) from xp_events where xp_events.user_id = profile.user_id
                    )
                    else profile.max_streak
                end >= (achievements.criteria ->> 'threshold')::integer as is_due
            from user_profiles as profile
            cross join achievements
        )

        select counted.user_id, counted.achievement_id, counted.is_due
        from counted
        left join user_achievements as earned
            on earned.user_id = counted.user_id and earned.achievement_id = counted.achievement_id
        where counted.is_due <> (earned.achievement_id is not null)
    """,
    "a score on a leaderboard: stored, counted": """
        with granted as (
            select xp_events.user_id, xp, granted_at, board, starts_on, is_on_leaderboard and is_active as is_listed
            from xp_events
            join users on users.id = xp_events.user_id
            join user_profiles on user_profiles.user_id = xp_events.user_id
            cross join lateral (
                values
                ('ALL_TIME'::leaderboard, date 'epoch'),
                ('WEEK', date_trunc('week', granted_at at time zone 'UTC')::date),
                ('MONTH', date_trunc('month', granted_at at time zone 'UTC')::date)
            ) as period (board, starts_on)
            where xp > 0
        ),

        counted as (
            select user_id, board, starts_on, sum(xp) as xp, max(granted_at) as reached_at, is_listed
            from granted
            group by user_id, board, starts_on, is_listed
        )

        select user_id, board, starts_on, stored.xp, counted.xp, stored.reached_at, counted.reached_at
        from user_scores as stored
        full join counted using (user_id, board, starts_on)
        where (stored.xp, stored.reached_at, stored.is_listed)
            is distinct from (counted.xp, counted.reached_at, counted.is_listed)
    """,
    "a count of a leaderboard: stored, counted": """
        with counted as (
            select
                board, starts_on, level,
                (xp::bigint >> (6 * level + 6))::integer as bucket,
                get_byte(uuid_send(user_id), 15) & 7 as slot,
                (xp >> (6 * level)) & 63 as place,
                count(*) as learners
            from user_scores
            cross join generate_series(0, 5) as level
            where is_listed
            -- Of the rows above the lowest the first place is not kept.
                and (level = 0 or (xp >> (6 * level)) & 63 > 0)
            group by 1, 2, 3, 4, 5, 6
        ),

        stored as (
            select board, starts_on, level, bucket, slot, place - 1 as place, learners
            from leaderboard_counts
            cross join unnest(counts) with ordinality as one (learners, place)
            where learners <> 0
        )

        select board, starts_on, level, bucket, slot, place, stored.learners, counted.learners
        from stored
        full join counted using (board, starts_on, level, bucket, slot, place)
        where stored.learners is distinct from counted.learners
    """,
    "an edge of which one side is missing": """
        select skill_tree_id, skill_id, needed_id, dependency is null, dependent is null
        from (
            select skill_tree_id, id as skill_id, needed_id from skills cross join unnest(dependencies) as needed_id
        ) as dependency
        full join (
            select skill_tree_id, skill_id, id as needed_id from skills cross join unnest(dependents) as skill_id
        ) as dependent using (skill_tree_id, skill_id, needed_id)
        where dependency is null or dependent is null
    """,
}


def drift(connection: Connection) -> Drift:
    """Return the rows that differ from what follows from the facts, by the name of the check.

    Citus refuses these queries. On a cluster, the doctor answers.
    """
    if cluster.URL:
        with Database(connection.info.dsn, max_size=1) as db:
            return {"doctor": [(each,) for each in found]} if (found := db.doctor.examine()) else {}
    counted = {what: connection.execute(query).fetchall() for what, query in _CHECKS.items()}
    return {what: rows for what, rows in counted.items() if rows}
