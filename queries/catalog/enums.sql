-- Every enum and its labels in order.
select
    pg_type.typname as enum_name,
    array_agg(pg_enum.enumlabel::text order by pg_enum.enumsortorder) as labels
from pg_type
inner join pg_enum on pg_enum.enumtypid = pg_type.oid
where pg_type.typnamespace = 'public'::regnamespace
group by pg_type.typname
order by pg_type.typname;
