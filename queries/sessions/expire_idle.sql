-- End a batch of the sessions that nobody has used for a while, the longest unused first. Of every learner: this is
-- housekeeping.
--
-- @role app_service
-- @sample idle_for: interval '7 days'
-- @sample limit: 1000
-- @budget buffers 130000
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
)

update user_sessions
set
    is_active = false,
    ended_at = now()
from idle_session
where
    user_sessions.user_id = idle_session.user_id
    and user_sessions.id = idle_session.id
returning user_sessions.id;
