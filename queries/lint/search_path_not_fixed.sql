-- Functions in which a name means what the caller's search_path makes of it.
select
    pg_proc.oid::regprocedure::text as object_name,
    'its search_path is the caller''s' as problem,
    'alter function … set search_path = pg_catalog, public' as remedy
from pg_proc
inner join pg_namespace on pg_proc.pronamespace = pg_namespace.oid
where
    pg_proc.prokind <> 'a'
    and pg_namespace.nspname <> 'information_schema'
    and pg_namespace.nspname !~ '^pg_'
    and not exists (
        select from unnest(pg_proc.proconfig) as setting
        where setting ~ '^search_path='
    )
    and not exists (
        select from pg_depend
        where
            pg_depend.classid = 'pg_proc'::regclass
            and pg_depend.objid = pg_proc.oid
            and pg_depend.deptype = 'e'
    )
order by object_name;
