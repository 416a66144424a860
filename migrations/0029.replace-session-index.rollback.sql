-- Loses nothing.

alter index idx_session_activity rename to idx_session_idle;

create index idx_session_activity on user_sessions (last_activity_at);
