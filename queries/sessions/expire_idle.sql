-- End a batch of the sessions that nobody has used for a while, the longest unused first, or whose time is up. Of every
-- learner: this is housekeeping.
--
-- Ending a session costs 20 buffers, entries in three indexes and in the trail among them; finding it is one.
--
-- @role app_service
-- @across ends the sessions of whoever has gone
-- @sample idle_for: interval '7 days'
-- @sample limit: 1000
-- @budget buffers 27000
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
    -- One that is being touched is not idle.
    for no key update skip locked
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
    for no key update skip locked
),

ending_session as (
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
)

update user_sessions
set
    is_active = false,
    ended_at = now()
from ending_session
where
    user_sessions.user_id = ending_session.user_id
    and user_sessions.id = ending_session.id
returning user_sessions.id;
