-- How many rows each table has, by the server's estimate, and its size in bytes with indexes.
select
    pg_class.relname::text as table_name,
    coalesce(sum(greatest(member.reltuples, 0)), 0)::bigint as row_count,
    coalesce(sum(pg_total_relation_size(member.oid)), 0)::bigint as bytes
from pg_class
left join pg_partition_tree(pg_class.oid) as branch on true
inner join pg_class as member on member.oid = coalesce(branch.relid, pg_class.oid)
where
    pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relname = any(%(tables)s::text[])
group by pg_class.relname
order by table_name;
