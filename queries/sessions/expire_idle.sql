-- End a batch of sessions that are idle for too long, longest first, or that have expired, of all learners.
--
-- Ending a session takes 20 buffers, including entries in three indexes and in the audit trail. Finding it takes one.
--
-- @role app_service
-- @across ends the sessions of all learners
-- @sample idle_for: interval '7 days'
-- @sample limit: 1000
-- @budget buffers 37000
with idle_session as (
    select
        user_sessions.user_id,
        user_sessions.id
    from user_sessions
    where
        user_sessions.is_active
        and user_sessions.last_activity_at < now() - %(idle_for)s::interval
    order by user_sessions.last_activity_at
    limit %(limit)s
),

overdue_session as (
    select
        user_sessions.user_id,
        user_sessions.id
    from user_sessions
    where
        user_sessions.is_active
        and user_sessions.expires_at <= now()
    order by user_sessions.expires_at
    limit %(limit)s
),

ending_session as materialized (
    select
        idle_session.user_id,
        idle_session.id
    from idle_session
    union
    select
        overdue_session.user_id,
        overdue_session.id
    from overdue_session
    limit %(limit)s
),

-- A session that is being touched is not idle.
held_session as materialized (
    select
        ending_session.user_id,
        ending_session.id
    from ending_session
    where hold_session(ending_session.user_id, ending_session.id)
)

update user_sessions
set
    is_active = false,
    ended_at = now()
from held_session
where
    user_sessions.user_id = held_session.user_id
    and user_sessions.id = held_session.id
    -- One that has been touched since it was found is not idle, either.
    and user_sessions.is_active
    and (user_sessions.last_activity_at < now() - %(idle_for)s::interval or user_sessions.expires_at <= now())
returning user_sessions.id;
