-- A new session of an account that is in use.
--
-- password_hash  what the password that was shown was checked against; null if nobody showed one
-- new_hash       what the same transaction has replaced it by (accounts/finish_login); null if it has not
--
-- @role app_service
-- @step also how log_in ends
-- @sample device_info: '{"browser": "Firefox"}'
-- @sample ip_address: inet '192.0.2.1'
-- @sample password_hash: null
-- @sample new_hash: null
-- @budget buffers 40
with active_user as (
    select users.id
    from users
    where
        users.id = %(user_id)s
        and users.is_active
        and (
            %(password_hash)s::text is null
            or users.password_hash in (%(password_hash)s, %(new_hash)s)
        )
    -- Who closes the account or changes its password meanwhile waits, and then ends this session, too.
    for share
)

insert into user_sessions (user_id, id, token_hash, device_info, ip_address, expires_at)
select
    active_user.id,
    coalesce(%(id)s::uuid, uuidv7()),
    %(token_hash)s,
    %(device_info)s::jsonb,
    %(ip_address)s::inet,
    now() + %(valid_for)s::interval
from active_user
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
