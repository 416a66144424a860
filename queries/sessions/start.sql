-- A new session of an open account.
--
-- password_hash  the hash against which the password was checked; null if no password was given
-- new_hash       the hash by which this transaction has replaced it (accounts/finish_login); null if it has not
--
-- @role app_service
-- @step also the last step of log_in
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
    -- Closing the account or changing its password waits for this lock, and then ends this session as well.
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
