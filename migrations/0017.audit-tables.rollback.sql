-- Loses no entries of the trail. Later changes are not recorded.

do $drop_triggers$
declare
    audited record;
begin
    for audited in
        select
            pg_trigger.tgname as trigger_name,
            pg_trigger.tgrelid::regclass as table_name
        from pg_trigger
        where pg_trigger.tgname ~ '_(audit_(insert|update|delete)|refuse_truncate)$'
    loop
        execute format('drop trigger %I on %s', audited.trigger_name, audited.table_name);
    end loop;

    for audited in
        select pg_proc.oid::regprocedure as routine
        from pg_proc
        where pg_proc.pronamespace = 'public'::regnamespace
            and (pg_proc.proname = 'audit_image' or pg_proc.proname ~ '^audit_(insert|update|delete)_of_')
    loop
        execute format('drop function %s', audited.routine);
    end loop;
end
$drop_triggers$;

drop procedure audit_table(text, text, text, text[], text[], boolean);

drop function refuse_truncate();
