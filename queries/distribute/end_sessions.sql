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

select count(*) filter (where pg_terminate_backend(other.pid)) as ended
from other;
