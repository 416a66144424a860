-- Counts of a leaderboard that differ from the number of listed learners with that XP, over all slots, and negative
-- counts.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @notnull what: the first day of a leaderboard is finite, which to_char requires
-- @budget buffers 3500
with tally as (
    select
        user_scores.board,
        user_scores.starts_on,
        user_scores.xp,
        count(*) as learners
    from user_scores
    where user_scores.is_listed
    group by user_scores.board, user_scores.starts_on, user_scores.xp
),

due as (
    select
        tally.board,
        tally.starts_on,
        node.level,
        tally.xp >> (6 * node.level) as branch,
        sum(tally.learners) as learners
    from tally
    cross join generate_series(0, 10) as node (level)
    where
        -- The first element of a row above level 0 is not used.
        node.level = 0
        or (tally.xp >> (6 * node.level)) & 63 > 0
    group by tally.board, tally.starts_on, node.level, branch
),

noted as (
    select
        leaderboard_counts.board,
        leaderboard_counts.starts_on,
        leaderboard_counts.level,
        leaderboard_counts.bucket * 64 + (noted.place - 1) as branch,
        leaderboard_counts.slot,
        noted.learners
    from leaderboard_counts
    cross join unnest(leaderboard_counts.counts) with ordinality as noted (learners, place)
    where noted.learners <> 0
),

counted as (
    select
        noted.board,
        noted.starts_on,
        noted.level,
        noted.branch,
        sum(noted.learners) as learners
    from noted
    group by noted.board, noted.starts_on, noted.level, noted.branch
),

wrong as (
    select
        coalesce(due.board, counted.board) as board,
        coalesce(due.starts_on, counted.starts_on) as starts_on,
        coalesce(due.level, counted.level) as level,
        coalesce(due.branch, counted.branch) as branch,
        null::integer as slot,
        coalesce(due.learners, 0)::text as expected,
        coalesce(counted.learners, 0)::text as found
    from due
    full join counted
        on
            counted.board = due.board
            and counted.starts_on = due.starts_on
            and counted.level = due.level
            and counted.branch = due.branch
    where coalesce(due.learners, 0) <> coalesce(counted.learners, 0)
    union all
    select
        noted.board,
        noted.starts_on,
        noted.level,
        noted.branch,
        noted.slot,
        '0 or more' as expected,
        noted.learners::text as found
    from noted
    where noted.learners < 0
)

select
    'leaderboard' as subject_kind,
    null::uuid as user_id,
    null::uuid as subject_id,
    wrong.board || ' ' || to_char(wrong.starts_on, 'YYYY-MM-DD')
    || ': learners with XP from ' || (wrong.branch << (6 * wrong.level)) || ', level ' || wrong.level
    || coalesce(', slot ' || wrong.slot, '') as what,
    wrong.expected,
    wrong.found
from wrong
order by wrong.board, wrong.starts_on, wrong.level, wrong.branch, wrong.slot;
