-- The sessions of one learner that can be resumed (sessions/resume), most recently used first.
--
-- @sample idle_for: interval '60 days'
-- @sample user_id: (select user_id from user_sessions where is_active order by user_id limit 1)
-- @budget buffers 11
-- @never Seq Scan on user_sessions
select
    user_sessions.id,
    user_sessions.user_id,
    user_sessions.device_info,
    user_sessions.ip_address,
    user_sessions.started_at,
    user_sessions.last_activity_at,
    user_sessions.expires_at,
    user_sessions.ended_at,
    user_sessions.is_active
from user_sessions
where
    user_sessions.user_id = %(user_id)s
    and user_sessions.is_active
    and user_sessions.expires_at > now()
    and user_sessions.last_activity_at > now() - %(idle_for)s::interval
order by user_sessions.last_activity_at desc, user_sessions.id;
