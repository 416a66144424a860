-- Loses no data: a write in a session that has set row_security = off fails again.

do $generate_as_before$
begin
    execute replace(
        pg_get_functiondef('public.audit_table(text, text, text, text[], text[], boolean)'::regprocedure),
        E'            set row_security = on\n', ''
    );
end
$generate_as_before$;

do $reset_row_security$
declare
    routine regprocedure;
begin
    for routine in
        select pg_proc.oid::regprocedure
        from pg_proc
        where
            pg_proc.pronamespace = 'public'::regnamespace
            and pg_proc.prosecdef
            and not exists (
                select from pg_depend
                where
                    pg_depend.classid = 'pg_proc'::regclass
                    and pg_depend.objid = pg_proc.oid
                    and pg_depend.deptype = 'e'
            )
    loop
        execute format('alter routine %s reset row_security', routine);
    end loop;
end
$reset_row_security$;
