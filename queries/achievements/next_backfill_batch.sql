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

batch as materialized (
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
    select user_profiles.user_id
    from user_profiles
    inner join achievements on achievements.id = %(achievement_id)s
    -- Run for one learner at a time, because they aggregate, and only for the kind of achievement that needs it.
    left join
        lateral (
            select max(achievement_standings.value) as value
            from achievement_standings
            where
                achievements.is_limited
                and achievement_standings.user_id = user_profiles.user_id
                and achievement_standings.achievement_id = %(achievement_id)s
        ) as limited
        on true
    left join
        lateral (
            select count(*) as skills
            from xp_events
            where
                not achievements.is_limited
                and achievements.criterion = 'skill_completion_count'
                and xp_events.user_id = user_profiles.user_id
                and xp_events.source_kind = 'SKILL'
        ) as learnt
        on true
    where
        user_profiles.user_id = any(array(select batch.user_id from batch))
        and achievements.is_active
        and not exists (
            select from user_achievements
            where
                user_achievements.user_id = user_profiles.user_id
                and user_achievements.achievement_id = %(achievement_id)s
        )
        and achievements.threshold <= case
            when achievements.is_limited then limited.value
            when achievements.criterion = 'skill_completion_count' then learnt.skills
            when achievements.criterion = 'xp_threshold' then user_profiles.total_xp
            else user_profiles.max_streak
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
