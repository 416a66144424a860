-- Achievements that a learner has earned and not been awarded: every action awards what is due, so these are learners
-- who have learnt something since the achievement became what it is; after a back-fill, all. While one is under way,
-- none are told.
with candidate as (
    select
        user_profiles.user_id,
        achievements.id as achievement_id
    from user_profiles
    cross join achievements
    inner join users on users.id = user_profiles.user_id
    left join achievement_backfills on achievement_backfills.achievement_id = achievements.id
    where
        achievements.is_active
        and case
            when achievement_backfills.finished_at is null
                then
                    achievement_backfills.achievement_id is null
                    and user_profiles.last_activity_at > achievements.updated_at
            else
                user_profiles.last_activity_at > achievements.updated_at
                or (users.is_active and achievement_backfills.started_at > achievements.updated_at)
        end
)

select
    'achievement' as subject_kind,
    candidate.user_id,
    candidate.achievement_id as subject_id,
    'award' as what,
    achievement_standings.value || ' of ' || achievement_standings.threshold as expected,
    null as found
from candidate
inner join achievement_standings
    on
        achievement_standings.user_id = candidate.user_id
        and achievement_standings.achievement_id = candidate.achievement_id
left join user_achievements
    on
        user_achievements.user_id = candidate.user_id
        and user_achievements.achievement_id = candidate.achievement_id
where
    user_achievements.user_id is null
    and achievement_standings.value >= achievement_standings.threshold
order by candidate.user_id, candidate.achievement_id;
