-- Loses every session: everyone has to log in again. Voids the links that are under way, and forgets failed log-ins.

drop table user_tokens;

drop function own_identifiers();

drop table login_attempts;

drop function hold_session(uuid, uuid);

drop table user_sessions;
