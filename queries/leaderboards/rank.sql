-- A learner's rank on a leaderboard: one plus the number of learners with more XP. It is the sum of counts from one row
-- per level and slot, however many learners there are.
--
-- at  a time in the week or month; null is now
--
-- @role app_service
-- @budget buffers 33
-- @never Seq Scan on leaderboard_counts, user_scores
with score as (
    select
        user_scores.board,
        user_scores.starts_on,
        user_scores.xp
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
)

-- Nobody has more XP than the highest existing level covers.
select (1 + coalesce(sum(more.learners), 0))::integer as rank
from score
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
            -- The counts to the right of the learner's own, at this level.
            select sum(count)
            from unnest(leaderboard_counts.counts[((score.xp >> (6 * node.level)) & 63)::integer + 2:]) as count
        ) as learners
    from leaderboard_counts
    where
        leaderboard_counts.board = score.board
        and leaderboard_counts.starts_on = score.starts_on
        and leaderboard_counts.level = node.level
        and leaderboard_counts.bucket = (score.xp >> (6 * node.level)) >> 6
) as more on true
having count(score.xp) > 0;
