-- Loses all accounts and profiles.

drop table user_profiles;

drop function refuse_unknown_timezone();

drop table users;

drop function compose_names();
