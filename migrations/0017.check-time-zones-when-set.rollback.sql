-- Loses nothing: the check runs with every update again.

drop trigger user_profiles_refuse_unknown_timezone on user_profiles;

create trigger user_profiles_refuse_unknown_timezone
before insert or update on user_profiles
for each row execute function refuse_unknown_timezone();
