-- The columns of the schema's own tables that can be written, and whether an insert must give a value. Without
-- partitions and the bookkeeping of migrations.
select
    pg_class.oid::regclass::text as table_name,
    pg_attribute.attname::text as column_name,
    format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as type_name,
    pg_type.typcategory::text as category,
    (
        select pg_enum.enumlabel::text
        from pg_enum
        where pg_enum.enumtypid = pg_attribute.atttypid
        order by pg_enum.enumsortorder
        limit 1
    ) as first_label,
    pg_attribute.attnotnull and not pg_attribute.atthasdef and pg_attribute.attidentity = '' as is_required
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
inner join pg_attribute on pg_class.oid = pg_attribute.attrelid
inner join pg_type on pg_attribute.atttypid = pg_type.oid
where
    pg_class.relkind in ('r', 'p')
    and not pg_class.relispartition
    and pg_class.relname !~ '^(_yoyo_|yoyo_lock$|skilltree_(application_)?migrations$)'
    and pg_namespace.nspname <> 'information_schema'
    and pg_namespace.nspname !~ '^pg_'
    and pg_attribute.attnum > 0
    and not pg_attribute.attisdropped
    and pg_attribute.attgenerated = ''
    and pg_attribute.attidentity <> 'a'
order by table_name, pg_attribute.attnum;
