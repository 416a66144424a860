-- Achievements that a learner has earned and not been awarded: every action awards what is due, so these are learners
-- who have learnt something since the achievement became what it is; after a back-fill, all. While one is under way,
-- none are told.
with standing as materialized (
    select
        achievement_standings.user_id,
        achievement_standings.achievement_id,
        achievement_standings.value,
        achievement_standings.threshold
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
        -- Within a limit no streak is longer than the longest: most need not be counted.
        and (achievements.criterion <> 'streak_days' or user_profiles.max_streak >= achievements.threshold)
        and case
            when achievement_backfills.achievement_id is null
                then user_profiles.last_activity_at > achievements.updated_at
            else
                achievement_backfills.finished_at is not null
                and greatest(user_profiles.last_activity_at, achievement_backfills.started_at) > achievements.updated_at
        end
)

select
    'achievement' as subject_kind,
    standing.user_id,
    standing.achievement_id as subject_id,
    'award' as what,
    standing.value || ' of ' || standing.threshold as expected,
    null as found
from standing
where standing.value >= standing.threshold
order by standing.user_id, standing.achievement_id;
