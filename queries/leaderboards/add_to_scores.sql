-- Add the XP that a learner has just earned to the leaderboards: all time, and the week and month in which it was
-- earned. The learner has been locked before. This is the last statement, because learners share the counts.
--
-- at  the time of earning; null is now
--
-- @role app_engine
-- @step runs at the end of an action on a skill, and of a backfill
-- @after progress/complete_skill
-- @budget buffers 180
-- @never Seq Scan on user_profiles, user_scores, users
with gain as (
    select
        user_profiles.user_id,
        user_profiles.total_xp - coalesce(user_scores.xp, 0) as xp,
        user_profiles.is_on_leaderboard and users.is_active as is_listed,
        coalesce(%(at)s::timestamptz, now()) as at,
        coalesce(%(at)s::timestamptz, now()) at time zone 'UTC' as at_utc
    from user_profiles
    inner join users on users.id = user_profiles.user_id
    left join user_scores
        on
            user_scores.user_id = %(user_id)s
            and user_scores.board = 'ALL_TIME'
            and user_scores.starts_on = date 'epoch'
    where
        user_profiles.user_id = %(user_id)s
        and user_profiles.total_xp > coalesce(user_scores.xp, 0)
),

changed as (
    select
        gain.at,
        gain.is_listed,
        period.board,
        period.starts_on,
        coalesce(user_scores.xp, 0) + gain.xp as xp,
        case when user_scores.is_listed then user_scores.xp end as counted_before
    from gain
    cross join
        lateral (
            values
            ('ALL_TIME'::leaderboard, date 'epoch'),
            ('WEEK', date_trunc('week', gain.at_utc)::date),
            ('MONTH', date_trunc('month', gain.at_utc)::date)
        ) as period (board, starts_on)
    left join user_scores
        on
            user_scores.user_id = %(user_id)s
            and user_scores.board = period.board
            and user_scores.starts_on = period.starts_on
),

saved_score as (
    insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)
    select
        %(user_id)s,
        changed.board,
        changed.starts_on,
        changed.xp,
        changed.at as reached_at,
        changed.is_listed
    from changed
    on conflict (user_id, board, starts_on) do update
        set
            xp = excluded.xp,
            reached_at = greatest(user_scores.reached_at, excluded.reached_at),
            is_listed = excluded.is_listed
    returning user_scores.board
)

insert into leaderboard_counts (board, starts_on, level, bucket, slot, counts)
select
    changed.board,
    changed.starts_on,
    move.level,
    move.bucket,
    get_byte(uuid_send(%(user_id)s), 15) & 7 as slot,
    move.changes as counts
from changed
cross join
    lateral leaderboard_moves(
        changed.counted_before,
        case when changed.is_listed then changed.xp end
    ) as move
-- Every statement locks them in this order.
order by changed.board, changed.starts_on, move.level, move.bucket
on conflict (board, starts_on, level, bucket, slot) do update
    set counts = add_counts(leaderboard_counts.counts, excluded.counts);
