-- Decide whether a log-in may be tried now, and return what to check the password against. An allowed attempt counts as
-- failed until accounts/finish_login removes it. accounts/hold_attempts has locked the counts before.
--
-- Free attempts: 3 from one network on one identifier, 20 on one identifier from everywhere, 50 from one network on
-- anybody. After that each attempt must wait twice as long as the one before, up to a minute. After an hour, the counts
-- are cleared. The limit of 20 does not apply to a network from which the account has logged in before.
--
-- @role app_service
-- @across nobody is logged in yet
-- @after accounts/hold_attempts
-- @step the first step of authenticate, and of change_password, where the identifier is the id
-- @budget buffers 58
-- @never Seq Scan on users
with identifier as (
    select sha256(convert_to(fold_name(%(email)s), 'UTF8')) as hash
),

counted as (
    select
        login_attempts.identifier_hash,
        login_attempts.network,
        login_attempts.succeeded_at,
        case when login_attempts.last_failed_at > now() - interval '1 hour' then login_attempts.failures else 0 end
            as failures,
        login_attempts.last_failed_at,
        case
            when login_attempts.identifier_hash = ''::bytea then 50
            when login_attempts.network = '' then 20
            else 3
        end as free_failures
    from identifier
    inner join login_attempts
        on
            (login_attempts.identifier_hash, login_attempts.network) in (
                (identifier.hash, coalesce(%(network)s::text, 'unknown')),
                (identifier.hash, ''),
                (''::bytea, %(network)s)
            )
),

pair as (
    select counted.succeeded_at
    from counted
    where
        counted.identifier_hash <> ''::bytea
        and counted.network <> ''
),

delayed as (
    select
        max(
            extract(epoch from counted.last_failed_at - now())
            + least(power(2, least(counted.failures - counted.free_failures, 10)), 60)
        ) as seconds
    from counted
    cross join pair
    where
        counted.failures >= counted.free_failures
        and (
            counted.free_failures = 3
            or pair.succeeded_at is null
        )
),

verdict as (
    select case when delayed.seconds > 0 then ceil(delayed.seconds)::integer else 0 end as retry_after
    from delayed
),

reserved as (
    update login_attempts
    set
        failures = counted.failures + 1,
        last_failed_at = now()
    from counted
    cross join verdict
    where
        verdict.retry_after = 0
        and login_attempts.identifier_hash = counted.identifier_hash
        and login_attempts.network = counted.network
    returning login_attempts.network
)

select
    verdict.retry_after,
    users.id as user_id,
    users.password_hash,
    coalesce(users.is_active, false) as is_active
from verdict
left join users
    on
        fold_name(users.email) = fold_name(%(email)s)
        and verdict.retry_after = 0;
