-- The learners around a learner on a leaderboard, including the learner.
--
-- at     a time in the week or month; null is now
-- limit  how many learners above, and how many below
--
-- @role app_service
-- @across it returns the neighbours of a learner
-- @sample limit: 5
-- @budget buffers 96
-- @never Seq Scan on leaderboard_counts, user_scores, users
-- @never Bitmap Heap Scan on user_scores
with score as (
    select
        user_scores.board,
        user_scores.starts_on,
        user_scores.user_id,
        user_scores.xp,
        user_scores.reached_at
    from user_scores
    where
        user_scores.user_id = %(user_id)s
        and user_scores.board = %(board)s::leaderboard
        and user_scores.starts_on = case %(board)s::leaderboard
            when 'WEEK' then date_trunc('week', coalesce(%(at)s::timestamptz, now()) at time zone 'UTC')::date
            when 'MONTH' then date_trunc('month', coalesce(%(at)s::timestamptz, now()) at time zone 'UTC')::date
            else date 'epoch'
        end
        and user_scores.is_listed
),

-- The limits of 1000 are the most that a caller can ask for. Without them, the planner, which makes one plan for every
-- limit, expects a tenth of the learners, and reads all users.
above as (
    select
        user_scores.board,
        -user_scores.xp as falling_xp,
        user_scores.reached_at,
        user_scores.user_id
    from user_scores
    where
        user_scores.board = (select score.board from score)
        and user_scores.starts_on = (select score.starts_on from score)
        and user_scores.is_listed
        and (-user_scores.xp, user_scores.reached_at, user_scores.user_id)
        < (
            (select -score.xp from score),
            (select score.reached_at from score),
            (select score.user_id from score)
        )
    -- The board is the same in all rows. It is in the order because, under row-level security, policies are evaluated
    -- before conditions that are not leakproof. So PostgreSQL does not conclude from `board = …` that the index has
    -- this order.
    order by user_scores.board desc, -user_scores.xp desc, user_scores.reached_at desc, user_scores.user_id desc
    limit 1000
),

below as (
    select
        user_scores.board,
        -user_scores.xp as falling_xp,
        user_scores.reached_at,
        user_scores.user_id
    from user_scores
    where
        user_scores.board = (select score.board from score)
        and user_scores.starts_on = (select score.starts_on from score)
        and user_scores.is_listed
        and (-user_scores.xp, user_scores.reached_at, user_scores.user_id)
        >= (
            (select -score.xp from score),
            (select score.reached_at from score),
            (select score.user_id from score)
        )
    order by user_scores.board, -user_scores.xp, user_scores.reached_at, user_scores.user_id
    limit 1001
),

place as (
    (
        select
            above.user_id,
            -above.falling_xp as xp,
            above.reached_at
        from above
        order by above.board desc, above.falling_xp desc, above.reached_at desc, above.user_id desc
        limit %(limit)s
    )
    union all
    (
        select
            below.user_id,
            -below.falling_xp as xp,
            below.reached_at
        from below
        order by below.board, below.falling_xp, below.reached_at, below.user_id
        limit %(limit)s + 1
    )
),

-- The first group may share its XP with learners above who are not listed. All later groups start here.
first_place as (
    select max(place.xp) as xp
    from place
),

counted as (
    select
        coalesce(sum(more.learners), 0) as above_first,
        coalesce(sum(more.sharing), 0) as sharing_first
    from score
    cross join first_place
    cross join
        generate_series(
            0,
            (
                select coalesce(max(leaderboard_counts.level), 0)
                from leaderboard_counts
                where
                    leaderboard_counts.board = (select score.board from score)
                    and leaderboard_counts.starts_on = (select score.starts_on from score)
            )
        ) as node (level)
    left join lateral (
        select
            (
                select sum(count)
                from unnest(
                    leaderboard_counts.counts[((first_place.xp >> (6 * node.level)) & 63)::integer + 2:]
                ) as count
            ) as learners,
            case
                when node.level = 0 then leaderboard_counts.counts[(first_place.xp & 63)::integer + 1]
            end as sharing
        from leaderboard_counts
        where
            leaderboard_counts.board = score.board
            and leaderboard_counts.starts_on = score.starts_on
            and leaderboard_counts.level = node.level
            and leaderboard_counts.bucket = (first_place.xp >> (6 * node.level)) >> 6
    ) as more on true
)

select
    (
        1 + counted.above_first
        + case
            when place.xp = first_place.xp then 0
            else counted.sharing_first + (
                select count(*)
                from place as better
                where
                    better.xp > place.xp
                    and better.xp < first_place.xp
            )
        end
    )::integer as rank,
    place.user_id,
    users.username,
    users.avatar_url,
    place.xp,
    place.reached_at
from place
cross join first_place
cross join counted
inner join users on users.id = place.user_id
order by -place.xp, place.reached_at, place.user_id;
