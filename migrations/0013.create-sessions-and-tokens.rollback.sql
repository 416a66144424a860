-- Loses all sessions, so everyone must log in again. Unused links become void, and the counts of failed log-ins are
-- lost.

drop table user_tokens;

drop function own_identifiers();

drop table login_attempts;

drop function hold_session(uuid, uuid);

drop table user_sessions;
