-- Hold what is counted of log-ins to an identifier, from a network, and from that network to that identifier: whoever
-- tries at the same time waits, so that no guess is made that is not counted.
--
-- network  null when nobody knows where it comes from
--
-- @role app_service
-- @step how authenticate and change_password let one try wait for another
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
-- A no-op update, which holds the row that is there.
on conflict (identifier_hash, network) do update set failures = login_attempts.failures
returning login_attempts.network;
