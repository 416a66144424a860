-- A new session.
--
-- @role app_service
-- @sample device_info: '{"browser": "Firefox"}'
-- @sample ip_address: inet '192.0.2.1'
-- @budget buffers 24
insert into user_sessions (user_id, id, device_info, ip_address)
values (
    %(user_id)s,
    coalesce(%(id)s::uuid, uuidv7()),
    %(device_info)s,
    %(ip_address)s
)
returning
    user_sessions.id,
    user_sessions.user_id,
    user_sessions.device_info,
    user_sessions.ip_address,
    user_sessions.started_at,
    user_sessions.last_activity_at,
    user_sessions.ended_at,
    user_sessions.is_active;
