-- Achievements that a learner has earned and not been awarded. Every action awards what is due, but an achievement
-- limited to some skills only after an action on one of them. So a limited achievement is due for learners with such an
-- activity since it was last edited, or for all after a backfill. During its backfill, nothing is reported.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 2600000
-- @never Seq Scan on user_achievements, xp_events
with standing as materialized (
    select
        achievement_standings.user_id,
        achievement_standings.achievement_id,
        achievement_standings.value,
        achievement_standings.threshold,
        coalesce(achievement_backfills.started_at > achievements.updated_at, false) as is_backfilled,
        achievements.is_limited,
        achievements.updated_at,
        achievements.for_category_id,
        achievements.for_tree_id,
        achievements.for_difficulty,
        achievements.for_skill_type
    from achievement_standings
    inner join user_profiles on user_profiles.user_id = achievement_standings.user_id
    inner join achievements on achievements.id = achievement_standings.achievement_id
    left join achievement_backfills on achievement_backfills.achievement_id = achievements.id
    left join user_achievements
        on
            user_achievements.user_id = achievement_standings.user_id
            and user_achievements.achievement_id = achievement_standings.achievement_id
    where
        user_achievements.user_id is null
        and achievements.is_active
        -- Within a limit no streak is longer than the longest overall, so most streaks need not be counted.
        and (achievements.criterion <> 'streak_days' or user_profiles.max_streak >= achievements.threshold)
        and (achievement_backfills.achievement_id is null or achievement_backfills.finished_at is not null)
        -- With a fast clock, last_activity_at lies after the report. updated_at is then the time of the report.
        and greatest(
            least(user_profiles.last_activity_at, user_profiles.updated_at), achievement_backfills.started_at
        ) > achievements.updated_at
),

reached as materialized (
    select
        standing.user_id,
        standing.achievement_id,
        standing.value,
        standing.threshold,
        standing.is_limited and not standing.is_backfilled as is_of_activity,
        standing.updated_at,
        standing.for_category_id,
        standing.for_tree_id,
        standing.for_difficulty,
        standing.for_skill_type
    from standing
    where standing.value >= standing.threshold
),

-- An array of the learners, so that the index finds the few events of theirs.
paid as materialized (
    select
        xp_events.user_id,
        xp_events.source_id
    from xp_events
    where
        xp_events.user_id = any(array(select reached.user_id from reached))
        and xp_events.source_kind = 'ACHIEVEMENT'
),

active as materialized (
    select distinct
        reached.user_id,
        reached.achievement_id
    from reached
    inner join xp_events
        on
            xp_events.user_id = reached.user_id
            and xp_events.granted_at > reached.updated_at
            and (reached.for_category_id is null or xp_events.category_id = reached.for_category_id)
            and (reached.for_tree_id is null or xp_events.skill_tree_id = reached.for_tree_id)
            and (reached.for_difficulty is null or xp_events.difficulty::text = reached.for_difficulty)
            and (reached.for_skill_type is null or xp_events.skill_type::text = reached.for_skill_type)
    where
        reached.is_of_activity
        and xp_events.user_id = any(array(
            select learner.user_id from reached as learner
            where learner.is_of_activity
        ))
        and xp_events.source_kind = 'SKILL'
)

select
    'achievement' as subject_kind,
    reached.user_id,
    reached.achievement_id as subject_id,
    'award' as what,
    reached.value || ' of ' || reached.threshold as expected,
    null as found
from reached
where
    -- Events that paid have their award (doctor/event_has_award).
    not exists (
        select from paid
        where
            paid.user_id = reached.user_id
            and paid.source_id = reached.achievement_id
    )
    and (
        not reached.is_of_activity
        or exists (
            select from active
            where
                active.user_id = reached.user_id
                and active.achievement_id = reached.achievement_id
        )
    )
order by reached.user_id, reached.achievement_id;
