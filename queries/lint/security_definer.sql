-- Functions that run with the rights of their owner for every caller. Each needs an exception with a reason.
select
    pg_proc.oid::regprocedure::text as object_name,
    'it runs with the rights of its owner' as problem,
    'alter function … security invoker, or add an exception that says why it is safe' as remedy
from pg_proc
inner join pg_namespace on pg_proc.pronamespace = pg_namespace.oid
where
    pg_proc.prosecdef
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
