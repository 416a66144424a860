-- Lock the counts of log-ins to an identifier, from a network, and from that network to that identifier. Concurrent
-- attempts wait, so every guess is counted.
--
-- network  null if the origin is unknown
--
-- @role app_service
-- @step authenticate and change_password make concurrent attempts wait with it
-- @budget buffers 53
insert into login_attempts (identifier_hash, network)
select
    counted.identifier_hash,
    counted.network
from (
    values
    (sha256(convert_to(fold_name(%(email)s), 'UTF8')), coalesce(%(network)s::text, 'unknown')),
    (sha256(convert_to(fold_name(%(email)s), 'UTF8')), ''),
    (''::bytea, %(network)s::text)
) as counted (identifier_hash, network)
where counted.network is not null
order by counted.identifier_hash, counted.network
-- A no-op update, which locks the existing row.
on conflict (identifier_hash, network) do update set failures = login_attempts.failures
returning login_attempts.network;
