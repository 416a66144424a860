-- Every column of every view with its type, and the view's definition. Each view comes after those that it reads.
select
    pg_class.relname as view_name,
    pg_attribute.attname as column_name,
    format_type(pg_attribute.atttypid, null) as type_name,
    pg_get_viewdef(pg_class.oid) as definition
from pg_class
inner join pg_attribute on pg_attribute.attrelid = pg_class.oid
where
    pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind = 'v'
    and pg_attribute.attnum > 0
order by pg_class.oid, pg_attribute.attnum;
