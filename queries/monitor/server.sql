-- The server and this database: age, size, cache, transactions, the age at which identifiers wrap around, and for how
-- many months to come the trail has partitions.
select
    current_setting('server_version') as version,
    pg_postmaster_start_time() as started_at,
    pg_is_in_recovery() as is_standby,
    pg_database_size(pg_stat_database.datid) as bytes,
    pg_stat_database.stats_reset as counted_since,
    pg_stat_database.xact_commit as commits,
    pg_stat_database.xact_rollback as rollbacks,
    pg_stat_database.deadlocks,
    pg_stat_database.temp_bytes as temporary_bytes,
    pg_stat_database.blks_hit as buffers_hit,
    pg_stat_database.blks_read as buffers_read,
    round(
        pg_stat_database.blks_hit::numeric / nullif(pg_stat_database.blks_hit + pg_stat_database.blks_read, 0), 4
    )::double precision as cache_hit,
    age(pg_database.datfrozenxid) as oldest_transactions,
    -- Autovacuum freezes at 1. The server refuses to write at 2,000,000,000 transactions.
    round(
        greatest(
            age(pg_database.datfrozenxid)::numeric / current_setting('autovacuum_freeze_max_age')::numeric,
            mxid_age(pg_database.datminmxid)::numeric / current_setting('autovacuum_multixact_freeze_max_age')::numeric
        ),
        3
    )::double precision as wraparound,
    (
        select count(*)
        from generate_series(1, 120) as ahead (months)
        where
            to_regclass(
                to_char(
                    date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead.months),
                    '"audit_log_"YYYY"_"MM'
                )
            ) is not null
    ) as trail_months_ahead
from pg_database
inner join pg_stat_database on pg_database.oid = pg_stat_database.datid
where pg_database.datname = current_database();
