-- Those of these transactions that are committed.
--
-- @role app_service
select transaction_id::text as transaction_id
from unnest(%(transaction_ids)s::text[]::xid8[]) as transaction_id
where pg_xact_status(transaction_id) = 'committed'
order by transaction_id::text;
