-- The first places of a leaderboard. Learners with equal XP share a rank; the earliest is listed first.
--
-- at  a time in the week or month; null is now
--
-- @role app_service
-- @across the first places may belong to any learner
-- @sample limit: 10
-- @budget buffers 61
-- @never Seq Scan on user_scores, users
-- @never Bitmap Heap Scan on user_scores
with period as (
    select
        case %(board)s::leaderboard
            when 'WEEK' then date_trunc('week', coalesce(%(at)s::timestamptz, now()) at time zone 'UTC')::date
            when 'MONTH' then date_trunc('month', coalesce(%(at)s::timestamptz, now()) at time zone 'UTC')::date
            else date 'epoch'
        end as starts_on
),

place as (
    select
        user_scores.user_id,
        user_scores.xp,
        user_scores.reached_at
    from user_scores
    where
        user_scores.board = %(board)s::leaderboard
        and user_scores.starts_on = (select period.starts_on from period)
        and user_scores.is_listed
    -- The board is the same in all rows. It is in the order because, under row-level security, policies are evaluated
    -- before conditions that are not leakproof. So PostgreSQL does not conclude from `board = …` that the index has
    -- this order.
    order by user_scores.board, -user_scores.xp, user_scores.reached_at, user_scores.user_id
    limit %(limit)s
)

select
    rank() over (order by place.xp desc) as rank,
    place.user_id,
    users.username,
    users.avatar_url,
    place.xp,
    place.reached_at
from place
inner join users on users.id = place.user_id
order by place.xp desc, place.reached_at, place.user_id;
