-- Bring a learner's places on the leaderboards up to date with the ledger, and with whether they are shown there. The
-- learner is locked before; this comes last, because the counts are shared with other learners.
--
-- at            the moment whose week and month are looked at; null is now
-- every_period  whether past weeks and months are looked at too
-- is_listed     whether the learner is shown; null is as the profile and the account say
with learner as (
    select
        user_profiles.user_id,
        user_profiles.total_xp,
        coalesce(%(is_listed)s::boolean, user_profiles.is_on_leaderboard and users.is_active) as is_listed,
        get_byte(uuid_send(user_profiles.user_id), 15) & 7 as slot,
        coalesce(%(at)s::timestamptz, now()) as at
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
    inner join learner on learner.user_id = user_scores.user_id
    where
        %(every_period)s
        or user_scores.starts_on in (
            date 'epoch',
            date_trunc('week', learner.at at time zone 'UTC')::date,
            date_trunc('month', learner.at at time zone 'UTC')::date
        )
),

period as (
    select
        'ALL_TIME'::leaderboard as board,
        date 'epoch' as starts_on
    union
    select
        'WEEK',
        date_trunc('week', learner.at at time zone 'UTC')::date
    from learner
    union
    select
        'MONTH',
        date_trunc('month', learner.at at time zone 'UTC')::date
    from learner
    union
    select
        'WEEK',
        date_trunc('week', xp_events.granted_at at time zone 'UTC')::date
    from learner
    inner join xp_events on xp_events.user_id = learner.user_id
    where %(every_period)s
    union
    select
        'MONTH',
        date_trunc('month', xp_events.granted_at at time zone 'UTC')::date
    from learner
    inner join xp_events on xp_events.user_id = learner.user_id
    where %(every_period)s
    union
    select
        known.board,
        known.starts_on
    from known
    where %(every_period)s
),

earned as (
    select
        period.board,
        period.starts_on,
        -- Of all time, the profile has the sum: the ledger is read only when everything is.
        case
            when period.board = 'ALL_TIME' and not %(every_period)s then learner.total_xp
            else coalesce(paid.xp, 0)
        end as xp,
        paid.reached_at
    from learner
    cross join period
    cross join lateral (
        select
            sum(xp_events.xp)::integer as xp,
            max(xp_events.granted_at) filter (where xp_events.xp > 0) as reached_at
        from xp_events
        where
            xp_events.user_id = learner.user_id
            and (period.board <> 'ALL_TIME' or %(every_period)s)
            and xp_events.granted_at >= case
                when period.board = 'ALL_TIME' then '-infinity'
                else period.starts_on::timestamp at time zone 'UTC'
            end
            and xp_events.granted_at < case period.board
                when 'ALL_TIME' then 'infinity'
                when 'WEEK' then (period.starts_on + interval '7 days') at time zone 'UTC'
                else (period.starts_on + interval '1 month') at time zone 'UTC'
            end
    ) as paid
),

-- A learner without XP has no place.
changed as (
    select
        learner.user_id,
        learner.slot,
        earned.board,
        earned.starts_on,
        earned.xp,
        coalesce(
            earned.reached_at,
            case when known.xp = earned.xp then known.reached_at end,
            greatest(known.reached_at, learner.at)
        ) as reached_at,
        learner.is_listed,
        case when known.is_listed then known.xp end as counted_before,
        case when learner.is_listed and earned.xp > 0 then earned.xp end as counted_after
    from learner
    cross join earned
    left join known
        on
            known.board = earned.board
            and known.starts_on = earned.starts_on
    where
        row(coalesce(known.xp, 0), coalesce(known.is_listed, learner.is_listed))
        is distinct from row(earned.xp, learner.is_listed)
        or (%(every_period)s and known.reached_at is distinct from earned.reached_at)
),

saved_score as (
    insert into user_scores (user_id, board, starts_on, xp, reached_at, is_listed)
    select
        changed.user_id,
        changed.board,
        changed.starts_on,
        changed.xp,
        changed.reached_at,
        changed.is_listed
    from changed
    where changed.xp > 0
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
        and changed.xp = 0
    returning user_scores.board
),

moved as (
    select
        changed.board,
        changed.starts_on,
        changed.slot,
        node.level,
        (side.xp::bigint >> (6 * node.level + 6))::integer as bucket,
        (side.xp >> (6 * node.level)) & 63 as position,
        sum(side.learners)::integer as learners
    from changed
    cross join lateral (values (changed.counted_before, -1), (changed.counted_after, 1)) as side (xp, learners)
    cross join generate_series(0, 5) as node (level)
    where side.xp is not null
    group by changed.board, changed.starts_on, changed.slot, node.level, bucket, position
    having sum(side.learners) <> 0
),

moved_count as (
    insert into leaderboard_counts (board, starts_on, level, bucket, slot, counts)
    select
        moved.board,
        moved.starts_on,
        moved.level,
        moved.bucket,
        moved.slot,
        counts_at(array_agg(moved.position), array_agg(moved.learners)) as counts
    from moved
    group by moved.board, moved.starts_on, moved.level, moved.bucket, moved.slot
    -- Everyone locks them in this order.
    order by moved.board, moved.starts_on, moved.level, moved.bucket, moved.slot
    on conflict (board, starts_on, level, bucket, slot) do update
        set counts = add_counts(leaderboard_counts.counts, excluded.counts)
    returning leaderboard_counts.level
)

select count(*)::integer as changed_scores
from changed;
