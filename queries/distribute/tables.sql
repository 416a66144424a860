-- The tables that are distributed, each with the column by which it is; null if it has copies, or is on one server.
--
-- @extension citus
select
    pg_dist_partition.logicalrelid::regclass::text as table_name,
    column_to_column_name(pg_dist_partition.logicalrelid, pg_dist_partition.partkey) as column_name,
    pg_dist_partition.repmodel = 't' as has_copies
from pg_dist_partition
inner join pg_class on pg_class.oid = pg_dist_partition.logicalrelid
where
    not pg_class.relispartition
    and pg_class.relnamespace = 'public'::regnamespace
order by table_name;
