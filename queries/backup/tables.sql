-- The tables whose rows a backup must contain, each partition for itself, with their columns in order. Generated
-- columns are left out: they follow from the others, and a newer server may compute them otherwise.
--
-- @role app_service
select
    pg_namespace.nspname::text as schema_name,
    pg_class.relname::text as table_name,
    array(
        select pg_attribute.attname::text
        from pg_attribute
        where
            pg_attribute.attrelid = pg_class.oid
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
            and pg_attribute.attgenerated = ''
        order by pg_attribute.attnum
    ) as column_names
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_class.relkind = 'r'
    -- Recovery empties unlogged tables.
    and pg_class.relpersistence = 'p'
    and pg_namespace.nspname !~ '^(pg_|information_schema$)'
order by pg_namespace.nspname, pg_class.relname;
