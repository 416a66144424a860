-- Begin a backfill, or continue an interrupted one. A finished one begins again.
--
-- @role app_service
-- @step the first step of backfill
-- @across counts all learners
-- @budget buffers 94
-- @never Seq Scan on user_profiles
with begun as (
    insert into achievement_backfills (achievement_id)
    select achievements.id
    from achievements
    where achievements.id = %(achievement_id)s
    on conflict (achievement_id) do update
        set
            after_user_id = null,
            learners_seen = 0,
            awarded = 0,
            started_at = excluded.started_at,
            finished_at = null
        where achievement_backfills.finished_at is not null
    returning achievement_backfills.achievement_id
)

select (select count(*) from user_profiles) as learners
from achievements
left join begun on begun.achievement_id = achievements.id
where achievements.id = %(achievement_id)s;
