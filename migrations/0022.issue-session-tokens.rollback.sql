-- Loses the tokens: every session ends, since nothing could show it any more.
--
-- @changes user_sessions: sessions end

update user_sessions
set
    is_active = false,
    ended_at = now()
where user_sessions.is_active;

-- Before the column goes: in PostgreSQL 15, what was granted on it would stay.
revoke select (
    user_id,
    id,
    device_info,
    ip_address,
    started_at,
    last_activity_at,
    ended_at,
    is_active,
    expires_at
) on user_sessions from app_user;

drop index idx_session_expiry;

alter table user_sessions drop constraint unique_session_token;

alter table user_sessions drop constraint user_sessions_token_hash_length;

alter table user_sessions drop column expires_at;

alter table user_sessions drop column token_hash;

grant select on user_sessions to app_user;
