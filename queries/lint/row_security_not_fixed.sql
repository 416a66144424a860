-- Functions that run with the rights of their owner and do not set row_security. They fail on tables with row-level
-- security if a session has set row_security = off, as scripts of pg_dump do.
select
    pg_proc.oid::regprocedure::text as object_name,
    'it fails in a session with row_security = off' as problem,
    'alter function … set row_security = on' as remedy
from pg_proc
inner join pg_namespace on pg_proc.pronamespace = pg_namespace.oid
where
    pg_proc.prosecdef
    and array_position(pg_proc.proconfig, 'row_security=on') is null
    and pg_namespace.nspname <> 'information_schema'
    and pg_namespace.nspname !~ '^pg_'
    and not exists (
        select from pg_depend
        where
            pg_depend.classid = 'pg_proc'::regclass
            and pg_depend.objid = pg_proc.oid
            and pg_depend.deptype = 'e'
    )
order by object_name;
