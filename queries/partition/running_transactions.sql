-- The transactions that other sessions of this database have begun and not ended, prepared ones aside.
--
-- Everybody may read this, unlike the snapshots in pg_stat_activity. Workers of the server have no user.
select pg_locks.virtualxid as transaction
from pg_locks
inner join pg_stat_activity on pg_locks.pid = pg_stat_activity.pid
where
    pg_locks.locktype = 'virtualxid'
    and pg_locks.mode = 'ExclusiveLock'
    and pg_stat_activity.datname = current_database()
    and pg_stat_activity.usesysid is not null
    and pg_locks.pid <> pg_backend_pid()
order by pg_locks.virtualxid;
