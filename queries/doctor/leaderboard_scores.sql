-- Scores on leaderboards that do not agree with the ledger, the profile and the account.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @notnull what: the first day of a leaderboard is finite, which to_char requires
-- @budget buffers 28000
with granted as (
    select
        xp_events.user_id,
        xp_events.xp,
        xp_events.granted_at,
        xp_events.granted_at at time zone 'UTC' as granted_utc
    from xp_events
    where xp_events.xp > 0
),

earned as (
    select
        granted.user_id,
        'ALL_TIME'::leaderboard as board,
        date 'epoch' as starts_on,
        sum(granted.xp) as xp,
        max(granted.granted_at) as reached_at
    from granted
    group by granted.user_id
    union all
    select
        granted.user_id,
        'WEEK'::leaderboard as board,
        date_trunc('week', granted.granted_utc)::date as starts_on,
        sum(granted.xp) as xp,
        max(granted.granted_at) as reached_at
    from granted
    group by granted.user_id, date_trunc('week', granted.granted_utc)
    union all
    select
        granted.user_id,
        'MONTH'::leaderboard as board,
        date_trunc('month', granted.granted_utc)::date as starts_on,
        sum(granted.xp) as xp,
        max(granted.granted_at) as reached_at
    from granted
    group by granted.user_id, date_trunc('month', granted.granted_utc)
),

due as (
    select
        earned.user_id,
        earned.board,
        earned.starts_on,
        earned.xp,
        earned.reached_at,
        user_profiles.is_on_leaderboard and users.is_active as is_listed
    from earned
    inner join user_profiles on user_profiles.user_id = earned.user_id
    inner join users on users.id = earned.user_id
),

compared as (
    select
        coalesce(due.user_id, user_scores.user_id) as user_id,
        coalesce(due.board, user_scores.board) as board,
        coalesce(due.starts_on, user_scores.starts_on) as starts_on,
        due.xp as due_xp,
        due.reached_at as due_reached_at,
        due.is_listed as due_is_listed,
        user_scores.xp,
        user_scores.reached_at,
        user_scores.is_listed
    from due
    full join user_scores
        on
            user_scores.user_id = due.user_id
            and user_scores.board = due.board
            and user_scores.starts_on = due.starts_on
    where
        row(due.xp, due.reached_at, due.is_listed)
        is distinct from row(user_scores.xp, user_scores.reached_at, user_scores.is_listed)
)

select
    'leaderboard' as subject_kind,
    compared.user_id,
    null::uuid as subject_id,
    compared.board || ' ' || to_char(compared.starts_on, 'YYYY-MM-DD') || ': ' || field.what as what,
    field.expected,
    field.found
from compared
cross join
    lateral (
        values
        ('xp', compared.due_xp::text, compared.xp::text),
        ('reached_at', compared.due_reached_at::text, compared.reached_at::text),
        ('is_listed', compared.due_is_listed::text, compared.is_listed::text)
    ) as field (what, expected, found)
where field.expected is distinct from field.found
order by compared.user_id, compared.board, compared.starts_on, field.what;
