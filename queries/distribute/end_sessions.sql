-- End the other sessions of the database, and return how many there were. They have the settings of before.
-- They are materialized, so that no session is ended before it is known to be one of them. Then it waits for each, up
-- to 5 seconds, so that no pool sends anything to a session that is about to end.
--
-- @extension citus
with other as materialized (
    select pg_stat_activity.pid
    from pg_stat_activity
    where
        pg_stat_activity.datname = current_database()
        and pg_stat_activity.backend_type = 'client backend'
        and pg_stat_activity.pid <> pg_backend_pid()
),

signalled as materialized (
    select
        other.pid,
        pg_terminate_backend(other.pid) as is_ending
    from other
)

select count(*) filter (where signalled.is_ending and pg_terminate_backend(signalled.pid, 5000) is not null) as ended
from signalled;
