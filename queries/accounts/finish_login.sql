-- Record a successful log-in, unless the password has changed since it was checked or the account is closed. Remove the
-- attempt that accounts/begin_login counted.
--
-- new_hash  a hash of the same password at a higher cost; null keeps the present one
--
-- @role app_service
-- @step the last step of authenticate
-- @after accounts/hold_attempts, accounts/begin_login
-- @budget buffers 63
-- @never Seq Scan on users
with logged_in as (
    update users
    set
        last_login_at = now(),
        password_hash = coalesce(%(new_hash)s::text, users.password_hash),
        updated_at = now()
    where
        users.id = %(user_id)s
        and users.is_active
        and users.password_hash = %(password_hash)s
    returning
        users.id,
        users.email,
        users.username,
        users.first_name,
        users.last_name,
        users.avatar_url,
        users.is_active,
        users.email_verified,
        users.last_login_at,
        users.created_at,
        users.updated_at,
        users.created_by,
        users.updated_by
),

taken_back as (
    update login_attempts
    set
        failures = case
            when login_attempts.identifier_hash <> ''::bytea and login_attempts.network <> '' then 0
            else greatest(login_attempts.failures - 1, 0)
        end,
        succeeded_at = case
            when login_attempts.identifier_hash <> ''::bytea and login_attempts.network <> ''
                then logged_in.last_login_at
            else login_attempts.succeeded_at
        end
    from logged_in
    where
        (login_attempts.identifier_hash, login_attempts.network) in (
            (sha256(convert_to(fold_name(%(email)s), 'UTF8')), coalesce(%(network)s::text, 'unknown')),
            (sha256(convert_to(fold_name(%(email)s), 'UTF8')), ''),
            (''::bytea, %(network)s)
        )
    returning login_attempts.network
)

select
    logged_in.id,
    logged_in.email,
    logged_in.username,
    logged_in.first_name,
    logged_in.last_name,
    logged_in.avatar_url,
    logged_in.is_active,
    logged_in.email_verified,
    logged_in.last_login_at,
    logged_in.created_at,
    logged_in.updated_at,
    logged_in.created_by,
    logged_in.updated_by
from logged_in;
