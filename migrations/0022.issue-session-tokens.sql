-- A session is shown by a token of 256 random bits, of which only the hash is kept: who copies the table can log in as
-- nobody. Sessions that have none end here, and who had one logs in again. One without a token, as an older version
-- still writes it, is one that nobody can show.
--
-- @changes user_sessions: sessions without a token end

alter table user_sessions add column token_hash bytea;

-- The day on which a session ends however much it is used.
alter table user_sessions add column expires_at timestamptz not null default now() + interval '30 days';

update user_sessions
set
    is_active = false,
    ended_at = now()
where user_sessions.is_active;

-- Everyone is logged out anyway, and logs in again when the table has been read.
-- squawk-ignore constraint-missing-not-valid
alter table user_sessions add constraint user_sessions_token_hash_length check (octet_length(token_hash) = 32);

-- The token says whose it is, so that one look in this index finds the session, wherever the learner's rows are.
--
-- As above.
-- squawk-ignore disallowed-unique-constraint, constraint-missing-not-valid
alter table user_sessions add constraint unique_session_token unique (user_id, token_hash);

-- As above.
-- squawk-ignore require-concurrent-index-creation
create index idx_session_expiry on user_sessions (expires_at) where is_active;

revoke select on user_sessions from app_user;

grant select (
    user_id,
    id,
    device_info,
    ip_address,
    started_at,
    last_activity_at,
    ended_at,
    is_active,
    expires_at
) on user_sessions to app_user;
