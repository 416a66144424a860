-- Loses nothing but the guard against temporary tables.

do $generate_as_before$
begin
    execute regexp_replace(
        pg_get_functiondef('public.audit_table(text, text, text, text[], text[], boolean)'::regprocedure),
        '(function public\.audit_image\(.*?set search_path = pg_catalog, public), pg_temp\n', E'\\1\n'
    );
end
$generate_as_before$;

do $search_temporary_first$
declare
    wanted record;
begin
    for wanted in
        select
            pg_proc.oid::regprocedure as routine,
            substring(setting from '^search_path=(.*), pg_temp$') as search_path
        from pg_proc
        cross join unnest(pg_proc.proconfig) as setting
        where
            pg_proc.pronamespace = 'public'::regnamespace
            and setting ~ '^search_path=.*, pg_temp$'
            -- Those that had it before run with the owner's rights, and are not among these.
            and pg_proc.proname in (
                'add_counts',
                'audit_image',
                'audit_table',
                'begin_as_service',
                'begin_as_user',
                'drop_audit_partitions',
                'ensure_audit_partitions',
                'find_cycle',
                'is_iana_timezone',
                'is_id_set',
                'is_text_list',
                'latest_streak',
                'leaderboard_moves',
                'longest_streak',
                'next_streak',
                'protect_audit_partition',
                'refuse_old_snapshot',
                'refuse_truncate',
                'refuse_unknown_timezone',
                'set_authorship',
                'set_updated_at',
                'stamp_skill_graph_change',
                'topological_levels',
                'uuidv7',
                'verify_skill_graph',
                'verify_tree_prerequisites'
            )
            and not exists (
                select from pg_depend
                where
                    pg_depend.classid = 'pg_proc'::regclass
                    and pg_depend.objid = pg_proc.oid
                    and pg_depend.deptype = 'e'
            )
    loop
        execute format('alter routine %s set search_path = %s', wanted.routine, wanted.search_path);
    end loop;
end
$search_temporary_first$;
