-- Functions in which names depend on the caller's search_path or temporary objects. PostgreSQL searches pg_temp first
-- unless it is listed, so it must be listed last.
with routine as (
    select
        pg_proc.oid::regprocedure::text as object_name,
        pg_proc.oid as routine_id,
        (
            select substring(setting from '^search_path=(.*)$')
            from unnest(pg_proc.proconfig) as setting
            where setting ~ '^search_path='
        ) as search_path
    from pg_proc
    inner join pg_namespace on pg_proc.pronamespace = pg_namespace.oid
    where
        pg_proc.prokind <> 'a'
        and pg_namespace.nspname <> 'information_schema'
        and pg_namespace.nspname !~ '^pg_'
)

select
    routine.object_name,
    case
        when routine.search_path is null then 'its search_path is the caller''s'
        else 'a temporary table hides what it reads: pg_temp is not the last of its search_path'
    end as problem,
    'alter function … set search_path = pg_catalog, public, pg_temp' as remedy
from routine
where
    coalesce(routine.search_path !~ '(^|, )pg_temp$' or routine.search_path ~ 'pg_temp.*pg_temp', true)
    and not exists (
        select from pg_depend
        where
            pg_depend.classid = 'pg_proc'::regclass
            and pg_depend.objid = routine.routine_id
            and pg_depend.deptype = 'e'
    )
order by routine.object_name;
