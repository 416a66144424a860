-- A new session of an account that is in use.
--
-- @role app_service
-- @sample device_info: '{"browser": "Firefox"}'
-- @sample ip_address: inet '192.0.2.1'
-- @budget buffers 24
insert into user_sessions (user_id, id, token_hash, device_info, ip_address, expires_at)
values (
    %(user_id)s,
    coalesce(%(id)s::uuid, uuidv7()),
    %(token_hash)s,
    %(device_info)s,
    %(ip_address)s,
    now() + %(valid_for)s::interval
)
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
