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

awarded as materialized (
    select user_achievements.user_id
    from user_achievements
    inner join batch on batch.user_id = user_achievements.user_id
    where user_achievements.achievement_id = %(achievement_id)s
),

learnt as materialized (
    select
        xp_events.user_id,
        count(*) as skills
    from xp_events
    inner join batch on batch.user_id = xp_events.user_id
    where xp_events.source_kind = 'SKILL'
    group by xp_events.user_id
),

limited as materialized (
    select
        achievement_standings.user_id,
        achievement_standings.value
    from achievement_standings
    inner join batch on batch.user_id = achievement_standings.user_id
    where achievement_standings.achievement_id = %(achievement_id)s
),

due as (
    select batch.user_id
    from batch
    inner join achievements on achievements.id = %(achievement_id)s
    left join limited on limited.user_id = batch.user_id
    left join learnt on learnt.user_id = batch.user_id
    where
        achievements.is_active
        and not exists (
            select from awarded
            where awarded.user_id = batch.user_id
        )
        and achievements.threshold <= case
            when achievements.is_limited then limited.value
            when achievements.criterion = 'skill_completion_count' then coalesce(learnt.skills, 0)
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
