-- The statements that wait for a lock now, longest first: for how long, and which sessions hold them up.
select
    waiting.pid,
    coalesce(waiting.usename, '')::text as role_name,
    coalesce(substring(waiting.query from '^/\* (\w+(?:/\w+)+) \*/'), left(waiting.query, 80)) as query,
    pg_locks.locktype as lock_type,
    pg_locks.mode as lock_mode,
    coalesce(locked.relname, '')::text as table_name,
    extract(epoch from clock_timestamp() - coalesce(pg_locks.waitstart, waiting.query_start))::double precision
        as seconds,
    pg_blocking_pids(waiting.pid) as blocked_by,
    (
        select
            string_agg(
                concat_ws(
                    ' ',
                    blocking.pid,
                    blocking.usename,
                    nullif(blocking.application_name, ''),
                    blocking.state,
                    coalesce(substring(blocking.query from '^/\* (\w+(?:/\w+)+) \*/'), left(blocking.query, 40))
                ),
                '; ' order by blocking.pid
            )
        from pg_stat_activity as blocking
        where blocking.pid = any(pg_blocking_pids(waiting.pid))
    ) as blockers
from pg_locks
inner join pg_stat_activity as waiting on pg_locks.pid = waiting.pid
left join pg_class as locked
    on
        pg_locks.relation = locked.oid
        and pg_locks.database = waiting.datid
where
    not pg_locks.granted
    and waiting.datname = current_database()
order by
    seconds desc,
    waiting.pid;
