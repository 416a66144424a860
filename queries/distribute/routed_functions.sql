-- The functions that the twins of query files call, of all versions.
--
-- @extension citus
select pg_proc.oid::regprocedure::text as function_name
from pg_proc
where
    pg_proc.pronamespace = 'public'::regnamespace
    -- The name ends with a digest.
    and pg_proc.proname ~ '_[0-9a-f]{8}$'
    and 'citus.allow_nested_distributed_execution=on' = any(pg_proc.proconfig)
order by function_name;
