-- Each table: its rows and size, and how much vacuum and analyze have to do. Autovacuum starts at 1.0; an amount far
-- above means that it falls behind.
--
-- Sizes are those of the last VACUUM or ANALYZE, so that this waits for no lock. A partition has the name of its table
-- as root_name.
with chosen as (
    select
        pg_class.oid,
        max(option.option_value) filter (where option.option_name = 'autovacuum_vacuum_threshold') as vacuum_threshold,
        max(option.option_value) filter (where option.option_name = 'autovacuum_vacuum_scale_factor') as vacuum_scale,
        max(option.option_value) filter (where option.option_name = 'autovacuum_analyze_threshold')
            as analyze_threshold,
        max(option.option_value) filter (where option.option_name = 'autovacuum_analyze_scale_factor')
            as analyze_scale
    from pg_class
    cross join pg_options_to_table(pg_class.reloptions) as option
    where pg_class.relnamespace = to_regnamespace('public')
    group by pg_class.oid
),

counted as (
    select
        pg_class.oid,
        pg_class.relname,
        pg_class.relkind,
        pg_class.relowner,
        greatest(pg_class.relpages, 0) as relpages,
        pg_class.reltoastrelid,
        greatest(pg_class.reltuples, 0) as live_rows,
        coalesce(pg_partition_root(pg_class.oid), pg_class.oid) as root_oid,
        coalesce(chosen.vacuum_threshold, current_setting('autovacuum_vacuum_threshold'))::double precision
        + coalesce(chosen.vacuum_scale, current_setting('autovacuum_vacuum_scale_factor'))::double precision
        * greatest(pg_class.reltuples, 0) as dead_rows_allowed,
        current_setting('autovacuum_vacuum_insert_threshold')::double precision
        + current_setting('autovacuum_vacuum_insert_scale_factor')::double precision
        * greatest(pg_class.reltuples, 0) as new_rows_allowed,
        coalesce(chosen.analyze_threshold, current_setting('autovacuum_analyze_threshold'))::double precision
        + coalesce(chosen.analyze_scale, current_setting('autovacuum_analyze_scale_factor'))::double precision
        * greatest(pg_class.reltuples, 0) as changes_allowed,
        case
            when pg_class.relkind = 'r'
                then
                    greatest(
                        age(pg_class.relfrozenxid)::double precision
                        / current_setting('autovacuum_freeze_max_age')::double precision,
                        mxid_age(pg_class.relminmxid)::double precision
                        / current_setting('autovacuum_multixact_freeze_max_age')::double precision
                    )
            else 0
        end as freeze_amount
    from pg_class
    left join chosen on pg_class.oid = chosen.oid
    where
        pg_class.relnamespace = to_regnamespace('public')
        and pg_class.relkind in ('r', 'p')
)

select
    counted.relname::text as table_name,
    root.relname::text as root_name,
    counted.relkind = 'p' as is_partitioned,
    counted.live_rows::bigint as live_rows,
    coalesce(activity.n_dead_tup, 0) as dead_rows,
    (
        counted.relpages
        + coalesce(toast.relpages, 0)
        + coalesce(
            (
                select sum(greatest(index_class.relpages, 0))
                from pg_index
                inner join pg_class as index_class on pg_index.indexrelid = index_class.oid
                where pg_index.indrelid in (counted.oid, counted.reltoastrelid)
            ),
            0
        )
    ) * current_setting('block_size')::bigint as bytes,
    coalesce(activity.seq_scan, 0) as seq_scans,
    coalesce(activity.seq_tup_read, 0) as seq_rows,
    coalesce(activity.idx_scan, 0) as index_scans,
    round((coalesce(activity.n_dead_tup, 0) / nullif(counted.dead_rows_allowed, 0))::numeric, 2)::double precision
        as dead_amount,
    case
        -- Negative values switch this off.
        when counted.new_rows_allowed < 0 then 0
        else
            round((coalesce(activity.n_ins_since_vacuum, 0) / nullif(counted.new_rows_allowed, 0))::numeric, 2)
            ::double precision
    end as insert_amount,
    round((coalesce(activity.n_mod_since_analyze, 0) / nullif(counted.changes_allowed, 0))::numeric, 2)
    ::double precision as analyze_amount,
    round(counted.freeze_amount::numeric, 3)::double precision as freeze_amount,
    greatest(activity.last_vacuum, activity.last_autovacuum) as vacuumed_at,
    greatest(activity.last_analyze, activity.last_autoanalyze) as analyzed_at,
    case
        when pg_has_role(counted.relowner, 'usage') then true
        when current_setting('server_version_num')::integer >= 170000
            then has_table_privilege(counted.oid, 'maintain')
        else
            exists (
                select from pg_database
                where
                    pg_database.datname = current_database()
                    and pg_has_role(pg_database.datdba, 'usage')
            )
    end as may_maintain
from counted
inner join pg_class as root on counted.root_oid = root.oid
left join pg_class as toast on counted.reltoastrelid = toast.oid
left join pg_stat_all_tables as activity on counted.oid = activity.relid
order by counted.relname;
