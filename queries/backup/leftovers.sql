-- What is in a database that should be empty, at most ten names.
--
-- @role app_service
select found.object_name
from (
    select 'schema ' || pg_namespace.nspname as object_name
    from pg_namespace
    where pg_namespace.nspname !~ '^(pg_|information_schema$|public$)'
    union all
    select 'relation ' || pg_class.oid::regclass::text as object_name
    from pg_class
    where pg_class.relnamespace = to_regnamespace('public') and pg_class.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    union all
    select 'function ' || pg_proc.oid::regprocedure::text as object_name
    from pg_proc
    where pg_proc.pronamespace = to_regnamespace('public')
    union all
    select 'type ' || pg_type.oid::regtype::text as object_name
    from pg_type
    where pg_type.typnamespace = to_regnamespace('public') and pg_type.typtype in ('e', 'd', 'r')
) as found
order by found.object_name
limit 10;
