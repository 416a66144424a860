-- The next learners that a backfill checks, and those of them who have earned the achievement and do not have it.
--
-- limit  the number of learners to check
--
-- @role app_service
-- @step the first step of each batch of backfill
-- @across checks all learners, batch by batch
-- @nullable last_user_id: no learners are left after the last batch
-- @after achievements/begin_backfill
-- @sample limit: 500
-- @budget buffers 2800
-- @never Seq Scan on user_achievements
with place as (
    select achievement_backfills.after_user_id
    from achievement_backfills
    where achievement_backfills.achievement_id = %(achievement_id)s
),

batch as (
    select
        user_profiles.user_id,
        user_profiles.total_xp,
        user_profiles.max_streak
    from user_profiles
    where
        user_profiles.user_id > coalesce(
            (select place.after_user_id from place), '00000000-0000-0000-0000-000000000000'
        )
    order by user_profiles.user_id
    limit %(limit)s
),

due as (
    select batch.user_id
    from batch
    inner join achievements on achievements.id = %(achievement_id)s
    where
        achievements.is_active
        and not exists (
            select from user_achievements
            where
                user_achievements.user_id = batch.user_id
                and user_achievements.achievement_id = %(achievement_id)s
        )
        -- Sub-selects run for one learner at a time. With a join, the view would be computed for all learners.
        and achievements.threshold <= case
            when achievements.is_limited
                then (
                    select achievement_standings.value
                    from achievement_standings
                    where
                        achievement_standings.user_id = batch.user_id
                        and achievement_standings.achievement_id = %(achievement_id)s
                )
            when achievements.criterion = 'skill_completion_count'
                then (
                    select count(*)
                    from xp_events
                    where
                        xp_events.user_id = batch.user_id
                        and xp_events.source_kind = 'SKILL'
                )
            when achievements.criterion = 'xp_threshold' then batch.total_xp
            else batch.max_streak
        end
)

select
    place.after_user_id,
    (
        select batch.user_id
        from batch
        order by batch.user_id desc
        limit 1
    ) as last_user_id,
    (select count(*)::integer from batch) as learners,
    array(
        select due.user_id
        from due
        order by due.user_id
    ) as due
from place;
