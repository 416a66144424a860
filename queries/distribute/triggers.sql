-- The triggers of these tables, each with its definition. Citus distributes no table that has one.
select
    pg_class.relname::text as table_name,
    pg_trigger.tgname::text as trigger_name,
    pg_get_triggerdef(pg_trigger.oid) as definition
from pg_trigger
inner join pg_class on pg_class.oid = pg_trigger.tgrelid
where
    not pg_trigger.tgisinternal
    and pg_trigger.tgparentid = 0
    and pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relname = any(%(tables)s::text[])
order by pg_class.relname, pg_trigger.tgname;
