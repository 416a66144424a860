-- The session that maintains this database now.
select
    pg_locks.pid,
    coalesce(pg_stat_activity.usename, '?')::text as role_name,
    coalesce(pg_stat_activity.application_name, '') as application_name,
    pg_stat_activity.xact_start as since
from pg_locks
left join pg_stat_activity on pg_locks.pid = pg_stat_activity.pid
where
    pg_locks.locktype = 'advisory'
    and pg_locks.granted
    and pg_locks.objsubid = 2
    and pg_locks.classid = (hashtext('skilltree')::bigint & 4294967295)::oid
    and pg_locks.objid = (hashtext('maintain')::bigint & 4294967295)::oid
    and pg_locks.database = (
        select pg_database.oid from pg_database
        where pg_database.datname = current_database()
    );
