-- pg_dump's scripts begin with `set row_security = off`: a query that row-level security would narrow then fails. For a
-- superuser, or whoever bypasses it, it narrows nothing; but the triggers of the trail run with the owner's rights, who
-- is held by it. What runs as the owner sees by the owner's policies, whatever the session has set.
--
-- @compatible

-- What audit_table() generates from now on. The rest of it stays as it is.
do $generate_with_row_security$
begin
    execute regexp_replace(
        pg_get_functiondef('public.audit_table(text, text, text, text[], text[], boolean)'::regprocedure),
        '(language plpgsql security definer\n *set search_path[^\n]+\n)', E'\\1            set row_security = on\n', 'g'
    );
end
$generate_with_row_security$;

do $fix_row_security$
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
        execute format('alter routine %s set row_security = on', routine);
    end loop;
end
$fix_row_security$;
