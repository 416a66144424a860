-- The session of a token, if it can be resumed: not ended, not idle for too long, not expired, and of an open account.
-- Its last use is updated once a minute, not with every request.
--
-- @role app_service
-- @sample idle_for: interval '7 days'
-- @after sessions/start
-- @budget buffers 25
-- @never Seq Scan on user_sessions, users
with shown as (
    select user_sessions.id
    from user_sessions
    inner join users on users.id = user_sessions.user_id
    where
        user_sessions.user_id = %(user_id)s
        and user_sessions.token_hash = %(token_hash)s
        and user_sessions.is_active
        and user_sessions.expires_at > now()
        and user_sessions.last_activity_at > now() - %(idle_for)s::interval
        and users.is_active
),

touched as (
    update user_sessions
    set last_activity_at = now()
    from shown
    where
        user_sessions.user_id = %(user_id)s
        and user_sessions.id = shown.id
        and user_sessions.is_active
        and user_sessions.last_activity_at < now() - interval '1 minute'
    returning user_sessions.last_activity_at
)

select
    user_sessions.id,
    user_sessions.user_id,
    user_sessions.device_info,
    user_sessions.ip_address,
    user_sessions.started_at,
    coalesce(touched.last_activity_at, user_sessions.last_activity_at) as last_activity_at,
    user_sessions.expires_at,
    user_sessions.ended_at,
    user_sessions.is_active
from shown
inner join user_sessions
    on
        user_sessions.user_id = %(user_id)s
        and user_sessions.id = shown.id
left join touched on true;
