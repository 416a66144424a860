-- Forget from where somebody has tried to log in to the account of an erased learner, or to change its password. What
-- counts against such a place, whoever it was that failed there, stays until it does not matter any more.
--
-- @role app_service
-- @budget buffers 47
-- @never Seq Scan on users
with forgotten_attempt as (
    delete from login_attempts
    using users
    where
        users.id = %(user_id)s
        -- By the id, guesses of the password are counted of who wants to change it.
        and login_attempts.identifier_hash in (
            sha256(convert_to(fold_name(users.email), 'UTF8')),
            sha256(convert_to(users.id::text, 'UTF8'))
        )
    returning login_attempts.network
)

delete from login_attempts
using forgotten_attempt
where
    login_attempts.identifier_hash = ''::bytea
    and login_attempts.network = forgotten_attempt.network
    and (
        login_attempts.failures = 0
        or login_attempts.last_failed_at < now() - interval '1 hour'
    )
returning login_attempts.network;
