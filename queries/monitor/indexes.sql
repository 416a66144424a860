-- Each index: its size, how much of it is bloat by an estimate, and how often it was used.
--
-- The estimate compares the pages of a B-tree with what its entries need at the default fill factor. It needs no
-- extension and waits for no lock. If the statistics of a column are hidden from the role, 100 bytes are assumed for a
-- text, so that the estimate is rather too low. An index below least_bytes has none.
with described as (
    select
        pg_index.indexrelid,
        pg_index.indrelid,
        pg_index.indisunique,
        pg_index.indisvalid,
        pg_class.relname,
        pg_class.relkind,
        greatest(pg_class.relpages, 0) as relpages,
        pg_class.reltuples,
        pg_am.amname,
        table_class.relname as table_name,
        table_class.relowner,
        table_class.relispartition,
        coalesce(pg_partition_root(pg_index.indexrelid), pg_index.indexrelid) as root_oid,
        exists(
            select from pg_constraint
            where pg_constraint.conindid = pg_index.indexrelid
        ) as is_constraint
    from pg_index
    inner join pg_class on pg_index.indexrelid = pg_class.oid
    inner join pg_am on pg_class.relam = pg_am.oid
    inner join pg_class as table_class on pg_index.indrelid = table_class.oid
    where table_class.relnamespace = to_regnamespace('public')
),

entry as (
    select
        described.indexrelid,
        sum(
            coalesce(
                table_statistics.avg_width,
                index_statistics.avg_width,
                case when index_column.attlen > 0 then index_column.attlen else 100 end
            )
        ) as width
    from described
    inner join pg_attribute as index_column on described.indexrelid = index_column.attrelid
    inner join pg_index on described.indexrelid = pg_index.indexrelid
    left join pg_attribute as table_column
        on
            described.indrelid = table_column.attrelid
            and table_column.attnum = pg_index.indkey[index_column.attnum - 1]
            and table_column.attnum > 0
    left join pg_stats as table_statistics
        on
            table_statistics.schemaname = 'public'
            and described.table_name = table_statistics.tablename
            and table_column.attname = table_statistics.attname
            and not table_statistics.inherited
    left join pg_stats as index_statistics
        on
            table_column.attname is null
            and index_statistics.schemaname = 'public'
            and described.relname = index_statistics.tablename
            and index_column.attname = index_statistics.attname
    group by described.indexrelid
),

sized as (
    select
        described.indexrelid,
        described.relpages * current_setting('block_size')::bigint as bytes,
        case
            when described.amname = 'btree' and described.relkind = 'i' and described.reltuples >= 0
                then
                    (
                        -- The meta page, and the leaf pages. The levels above are less than a hundredth.
                        1 + ceil(
                            described.reltuples * (4 + ceil((8 + entry.width) / 8.0) * 8)
                            / ((current_setting('block_size')::integer - 40) * 0.9)
                        )
                    )::bigint * current_setting('block_size')::bigint
        end as needed_bytes
    from described
    inner join entry on described.indexrelid = entry.indexrelid
)

select
    described.table_name::text as table_name,
    described.relname::text as index_name,
    root.relname::text as root_name,
    described.relkind = 'I' as is_partitioned,
    described.indisvalid as is_valid,
    described.indisunique as is_unique,
    described.is_constraint,
    sized.bytes,
    case
        when sized.bytes >= %(least_bytes)s::bigint
            then
                round(greatest(1 - sized.needed_bytes::numeric / nullif(sized.bytes, 0), 0), 2)::double precision
    end as bloat,
    coalesce(pg_stat_all_indexes.idx_scan, 0) as scans,
    -- From PostgreSQL 16 on.
    (to_jsonb(pg_stat_all_indexes) ->> 'last_idx_scan')::timestamptz as last_used_at,
    -- Without it, deleting a referenced row would read the whole table.
    exists(
        select from pg_constraint
        inner join pg_index on pg_index.indexrelid = described.indexrelid
        where
            pg_constraint.conrelid = described.indrelid
            and pg_constraint.contype = 'f'
            and (pg_index.indkey::smallint[])[0:cardinality(pg_constraint.conkey) - 1] @> pg_constraint.conkey
    ) as serves_foreign_key,
    -- Somebody else builds an index of the table, vacuums it or changes it.
    exists(
        select from pg_locks
        where
            pg_locks.relation = described.indrelid
            and pg_locks.mode = 'ShareUpdateExclusiveLock'
            and pg_locks.pid <> pg_backend_pid()
    ) as is_busy,
    case
        when pg_has_role(described.relowner, 'usage') then true
        when current_setting('server_version_num')::integer >= 170000
            then has_table_privilege(described.indrelid, 'maintain')
        else
            exists (
                select from pg_database
                where
                    pg_database.datname = current_database()
                    and pg_has_role(pg_database.datdba, 'usage')
            )
    end as may_maintain,
    pg_has_role(described.relowner, 'usage') as is_owner
from described
inner join sized on described.indexrelid = sized.indexrelid
inner join pg_class as root on described.root_oid = root.oid
left join pg_stat_all_indexes on described.indexrelid = pg_stat_all_indexes.indexrelid
order by
    described.table_name,
    described.relname;
