-- Note that an active session was used just now.
--
-- @role app_service
update user_sessions
set last_activity_at = now()
where
    user_sessions.user_id = %(user_id)s
    and user_sessions.id = %(session_id)s
    and user_sessions.is_active
    and user_sessions.expires_at > now()
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
