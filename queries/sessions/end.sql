-- End an active session.
--
-- @role app_engine
-- @sample user_id: (select user_id from user_sessions where is_active order by user_id limit 1)
-- @sample session_id: (select id from user_sessions where user_id = %(user_id)s and is_active order by id limit 1)
-- @budget buffers 35
-- @never Seq Scan on user_sessions
update user_sessions
set
    is_active = false,
    ended_at = now()
where
    user_sessions.user_id = %(user_id)s
    and user_sessions.id = %(session_id)s
    and user_sessions.is_active
returning
    user_sessions.id,
    user_sessions.user_id,
    user_sessions.device_info,
    user_sessions.ip_address,
    user_sessions.started_at,
    user_sessions.last_activity_at,
    user_sessions.expires_at,
    user_sessions.ended_at,
    user_sessions.is_active;
