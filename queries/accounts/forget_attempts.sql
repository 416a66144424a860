-- Delete a batch of expired log-in counts. Networks from which somebody has logged in are kept longer.
--
-- @role app_service
-- @budget buffers 260
with old_attempt as (
    select
        login_attempts.identifier_hash,
        login_attempts.network
    from login_attempts
    where
        login_attempts.last_failed_at < now() - interval '1 day'
        and (login_attempts.succeeded_at is null or login_attempts.succeeded_at < now() - interval '180 days')
    order by login_attempts.last_failed_at
    limit %(limit)s
    for update skip locked
)

delete from login_attempts
using old_attempt
where
    login_attempts.identifier_hash = old_attempt.identifier_hash
    and login_attempts.network = old_attempt.network
returning login_attempts.network;
