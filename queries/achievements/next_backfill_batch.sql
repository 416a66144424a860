-- The next learners whom a back-fill looks at, and which of them are entitled to the achievement and have it not.
--
-- limit  how many learners to look at
--
-- @role app_service
-- @step what backfill works on next
-- @across looks for those entitled among all learners
-- @nullable last_user_id: the last learners were in the batch before
-- @after achievements/begin_backfill
-- @sample limit: 500
-- @budget buffers 27000
-- @never Seq Scan on user_achievements
with place as (
    select achievement_backfills.after_user_id
    from achievement_backfills
    where achievement_backfills.achievement_id = %(achievement_id)s
),

batch as (
    select user_profiles.user_id
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
    cross join
        lateral (
            select
                achievement_standings.value,
                achievement_standings.threshold
            from achievement_standings
            where
                achievement_standings.user_id = batch.user_id
                and achievement_standings.achievement_id = %(achievement_id)s
        ) as standing
    inner join achievements on achievements.id = %(achievement_id)s
    where
        standing.value >= standing.threshold
        and achievements.is_active
        and not exists (
            select from user_achievements
            where
                user_achievements.user_id = batch.user_id
                and user_achievements.achievement_id = %(achievement_id)s
        )
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
