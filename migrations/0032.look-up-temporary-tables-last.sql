-- Where a search_path does not name pg_temp, it is searched first: a temporary table of somebody's by the name of one
-- that a function reads, such as a trigger that guards the graph, would be read instead. Last, it hides nothing.
--
-- @compatible

-- What audit_table() generates from now on. The rest of it stays as it is.
do $generate_with_temporary_last$
begin
    execute regexp_replace(
        pg_get_functiondef('public.audit_table(text, text, text, text[], text[], boolean)'::regprocedure),
        '(set search_path = pg_catalog, public)\n', E'\\1, pg_temp\n', 'g'
    );
end
$generate_with_temporary_last$;

do $search_temporary_last$
declare
    wanted record;
begin
    for wanted in
        select
            pg_proc.oid::regprocedure as routine,
            substring(setting from '^search_path=(.*)$') as search_path
        from pg_proc
        cross join unnest(pg_proc.proconfig) as setting
        where
            pg_proc.pronamespace = 'public'::regnamespace
            and setting ~ '^search_path='
            and setting !~ 'pg_temp$'
            and not exists (
                select from pg_depend
                where
                    pg_depend.classid = 'pg_proc'::regclass
                    and pg_depend.objid = pg_proc.oid
                    and pg_depend.deptype = 'e'
            )
    loop
        execute format('alter routine %s set search_path = %s, pg_temp', wanted.routine, wanted.search_path);
    end loop;
end
$search_temporary_last$;
