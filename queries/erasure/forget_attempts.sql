-- Delete the counted log-ins to the account of an erased learner, and the counted guesses of its password. The count of
-- a network alone stays until it expires, because it covers all accounts.
--
-- @role app_service
-- @budget buffers 47
-- @never Seq Scan on users
with identifier as materialized (
    select
        sha256(convert_to(fold_name(users.email), 'UTF8')) as of_address,
        -- Guesses of the current password are counted by the id.
        sha256(convert_to(users.id::text, 'UTF8')) as of_account
    from users
    where users.id = %(user_id)s
),

forgotten_attempt as (
    delete from login_attempts
    using identifier
    where login_attempts.identifier_hash in (identifier.of_address, identifier.of_account)
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
