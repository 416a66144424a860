-- What pg_stat_statements has counted in this database: each statement's calls, times, rows and buffers.
--
-- @extension pg_stat_statements
select
    pg_stat_statements.query,
    sum(pg_stat_statements.calls)::bigint as calls,
    sum(pg_stat_statements.total_exec_time) / 1000 as seconds,
    max(pg_stat_statements.max_exec_time) / 1000 as longest_seconds,
    sum(pg_stat_statements.rows)::bigint as row_count,
    sum(pg_stat_statements.shared_blks_hit + pg_stat_statements.shared_blks_read)::bigint as buffers,
    sum(pg_stat_statements.shared_blks_read)::bigint as buffers_read,
    sum(pg_stat_statements.temp_blks_written)::bigint as temporary_buffers
from pg_stat_statements
where
    pg_stat_statements.dbid = (
        select pg_database.oid from pg_database
        where pg_database.datname = current_database()
    )
    and pg_stat_statements.toplevel
    -- The text of other roles' statements is hidden from a role without pg_read_all_stats.
    and pg_stat_statements.query is not null
group by pg_stat_statements.query
order by
    seconds desc,
    pg_stat_statements.query;
