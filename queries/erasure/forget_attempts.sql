-- Forget from where somebody has tried to log in to the account of an erased learner, or to change its password.
--
-- @role app_service
-- @budget buffers 28
-- @never Seq Scan on users
delete from login_attempts
using users
where
    users.id = %(user_id)s
    -- By the id, guesses of the password are counted of who wants to change it.
    and login_attempts.identifier_hash in (
        sha256(convert_to(lower(users.email), 'UTF8')),
        sha256(convert_to(users.id::text, 'UTF8'))
    )
returning login_attempts.network;
