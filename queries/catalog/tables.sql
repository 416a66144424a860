-- Every column of every table, with its type and whether it can be null: no if the table says so, unknown if it is
-- generated. Without partitions, which come and go with the months.
select
    pg_class.relname as table_name,
    pg_attribute.attname as column_name,
    format_type(pg_attribute.atttypid, null) as type_name,
    case
        when pg_attribute.attnotnull then 'not null'
        when pg_attribute.attgenerated <> '' then 'unknown'
        else 'null'
    end as nullability
from pg_class
inner join pg_attribute on pg_attribute.attrelid = pg_class.oid
where
    pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind in ('r', 'p')
    and not pg_class.relispartition
    and strpos(pg_class.relname, 'yoyo') = 0
    and pg_attribute.attnum > 0
    and not pg_attribute.attisdropped
order by pg_class.relname, pg_attribute.attnum;
