-- What a page costs and who reads it: the shared buffers that this session has touched in tables and indexes, the role,
-- and whether its transaction is read-only.
--
-- @budget buffers 46
select
    coalesce(sum(pg_stat_get_xact_blocks_fetched(pg_class.oid)), 0)::bigint as buffers,
    current_user::text as role_name,
    current_setting('transaction_read_only')::boolean as is_read_only
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where pg_namespace.nspname in ('public', 'pg_toast');
