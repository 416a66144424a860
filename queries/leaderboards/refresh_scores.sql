-- Compute all scores of a learner again from the ledger, including past weeks and months, and show or hide them. The
-- learner has been locked before.
--
-- is_listed  whether the learner is shown; null follows the profile and the account
--
-- @role app_engine
-- @step runs when a learner joins or leaves the leaderboards, and in a repair
-- @after users/deactivate
-- @budget buffers 1200
-- @never Seq Scan on user_profiles, user_scores, users, xp_events
with learner as (
    select
        user_profiles.user_id,
        coalesce(%(is_listed)s::boolean, user_profiles.is_on_leaderboard and users.is_active) as is_listed
    from user_profiles
    inner join users on users.id = user_profiles.user_id
    where user_profiles.user_id = %(user_id)s
),

known as (
    select
        user_scores.board,
        user_scores.starts_on,
        user_scores.xp,
        user_scores.reached_at,
        user_scores.is_listed
    from user_scores
    where user_scores.user_id = %(user_id)s
),

earned as (
    select
        period.board,
        period.starts_on,
        sum(xp_events.xp) as xp,
        max(xp_events.granted_at) as reached_at
    from xp_events
    cross join
        lateral (
            values
            ('ALL_TIME'::leaderboard, date 'epoch'),
            ('WEEK', date_trunc('week', xp_events.granted_at at time zone 'UTC')::date),
            ('MONTH', date_trunc('month', xp_events.granted_at at time zone 'UTC')::date)
        ) as period (board, starts_on)
    where
        xp_events.user_id = %(user_id)s
        and xp_events.xp > 0
    group by period.board, period.starts_on
),

changed as (
    select
        coalesce(earned.board, known.board) as board,
        coalesce(earned.starts_on, known.starts_on) as starts_on,
        earned.xp,
        earned.reached_at,
        learner.is_listed,
        case when known.is_listed then known.xp end as counted_before,
        case when learner.is_listed then earned.xp end as counted_after
    from earned
    full join known
        on
            known.board = earned.board
            and known.starts_on = earned.starts_on
    cross join learner
    where
        row(known.xp, known.reached_at, known.is_listed)
        is distinct from row(earned.xp, earned.reached_at, learner.is_listed)
),

saved_score as (
    insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)
    select
        %(user_id)s,
        changed.board,
        changed.starts_on,
        changed.xp,
        changed.reached_at,
        changed.is_listed
    from changed
    where changed.xp is not null
    on conflict (user_id, board, starts_on) do update
        set
            xp = excluded.xp,
            reached_at = excluded.reached_at,
            is_listed = excluded.is_listed
    returning user_scores.board
),

emptied_score as (
    delete from user_scores
    using changed
    where
        user_scores.user_id = %(user_id)s
        and user_scores.board = changed.board
        and user_scores.starts_on = changed.starts_on
        and changed.xp is null
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
cross join lateral leaderboard_moves(changed.counted_before, changed.counted_after) as move
-- Every statement locks them in this order.
order by changed.board, changed.starts_on, move.level, move.bucket
on conflict (board, starts_on, level, bucket, slot) do update
    set counts = add_counts(leaderboard_counts.counts, excluded.counts)
returning leaderboard_counts.level;
