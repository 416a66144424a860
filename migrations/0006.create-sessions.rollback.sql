-- Loses every session: everyone has to log in again.

drop table user_sessions;
