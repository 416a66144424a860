-- Add the missing difference to the counts of a leaderboard, and return the counts that were wrong. A learner's score
-- and its counts change in one transaction. So the difference is the same before and after it, and the repair need not
-- wait.
--
-- @role app_service
-- @step a step of doctor.repair
-- @across counts all learners of a leaderboard
-- @budget buffers 2400
-- @never Seq Scan on leaderboard_counts, user_scores
with due as (
    select
        node.level,
        (user_scores.xp >> (6 * node.level)) >> 6 as bucket,
        get_byte(uuid_send(user_scores.user_id), 15) & 7 as slot,
        ((user_scores.xp >> (6 * node.level)) & 63)::integer as position,
        count(*)::integer as learners
    from user_scores
    cross join generate_series(0, 10) as node (level)
    where
        user_scores.board = %(board)s::leaderboard
        and user_scores.starts_on = %(starts_on)s::date
        and user_scores.is_listed
        -- The first element of a row above level 0 is not used.
        and (node.level = 0 or (user_scores.xp >> (6 * node.level)) & 63 > 0)
    group by node.level, bucket, slot, position
),

noted as (
    select
        leaderboard_counts.level,
        leaderboard_counts.bucket,
        leaderboard_counts.slot,
        noted.place - 1 as position,
        noted.learners
    from leaderboard_counts
    cross join unnest(leaderboard_counts.counts) with ordinality as noted (learners, place)
    where
        leaderboard_counts.board = %(board)s::leaderboard
        and leaderboard_counts.starts_on = %(starts_on)s::date
        and noted.learners <> 0
),

wrong as (
    select
        coalesce(due.level, noted.level) as level,
        coalesce(due.bucket, noted.bucket) as bucket,
        coalesce(due.slot, noted.slot) as slot,
        coalesce(due.position, noted.position) as position,
        coalesce(noted.learners, 0) as before,
        coalesce(due.learners, 0) as after
    from due
    full join noted
        on
            noted.level = due.level
            and noted.bucket = due.bucket
            and noted.slot = due.slot
            and noted.position = due.position
    where coalesce(due.learners, 0) <> coalesce(noted.learners, 0)
),

wrong_row as (
    select distinct
        wrong.level,
        wrong.bucket,
        wrong.slot
    from wrong
),

lacking as (
    select
        wrong_row.level,
        wrong_row.bucket,
        wrong_row.slot,
        array_agg(coalesce(wrong.after - wrong.before, 0) order by place.position) as counts
    from wrong_row
    cross join generate_series(0, 63) as place (position)
    left join wrong
        on
            wrong.level = wrong_row.level
            and wrong.bucket = wrong_row.bucket
            and wrong.slot = wrong_row.slot
            and wrong.position = place.position
    group by wrong_row.level, wrong_row.bucket, wrong_row.slot
),

saved as (
    insert into leaderboard_counts (board, starts_on, level, bucket, slot, counts)
    select
        %(board)s::leaderboard as board,
        %(starts_on)s::date as starts_on,
        lacking.level,
        lacking.bucket,
        lacking.slot,
        lacking.counts
    from lacking
    -- Every statement locks them in this order.
    order by lacking.level, lacking.bucket, lacking.slot
    on conflict (board, starts_on, level, bucket, slot) do update
        set counts = add_counts(leaderboard_counts.counts, excluded.counts)
    returning leaderboard_counts.level
)

select
    'leaderboard' as subject_kind,
    null::uuid as user_id,
    null::uuid as subject_id,
    %(board)s || ' ' || %(starts_on)s || ': learners with XP from '
    || ((wrong.bucket * 64 + wrong.position) << (6 * wrong.level)) || ', level ' || wrong.level
    || ', slot ' || wrong.slot as what,
    wrong.before::text,
    wrong.after::text
from wrong
order by wrong.level, wrong.bucket, wrong.position, wrong.slot;
