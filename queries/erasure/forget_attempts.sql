-- Forget from where somebody has tried to log in to the account of an erased learner.
--
-- @role app_service
delete from login_attempts
using users
where
    users.id = %(user_id)s
    and login_attempts.identifier_hash = sha256(convert_to(lower(users.email), 'UTF8'))
returning login_attempts.network;
