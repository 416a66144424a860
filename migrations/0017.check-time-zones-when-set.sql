-- The check of a time zone runs when one is written, not whenever something else of the profile is.

drop trigger user_profiles_refuse_unknown_timezone on user_profiles;

create trigger user_profiles_refuse_unknown_timezone
before insert or update of timezone on user_profiles
for each row execute function refuse_unknown_timezone();
