-- End the other sessions of the database, and return how many there were. They have the settings of before.
-- They are materialized, so that no session is ended before it is known to be one of them.
--
-- @extension citus
with other as materialized (
    select pg_stat_activity.pid
    from pg_stat_activity
    where
        pg_stat_activity.datname = current_database()
        and pg_stat_activity.backend_type = 'client backend'
        and pg_stat_activity.pid <> pg_backend_pid()
)

-- Waits for each, up to 5 seconds, so that no pool sends anything to a session that is about to end.
select count(*) filter (where pg_terminate_backend(other.pid, 5000)) as ended
from other;
