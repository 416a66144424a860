-- The connections of the server to this database by role, application and state, and the longest time in that state.
--
-- States and times of other roles are hidden from a role without pg_read_all_stats.
select
    coalesce(pg_stat_activity.usename, '')::text as role_name,
    coalesce(pg_stat_activity.application_name, '') as application_name,
    coalesce(pg_stat_activity.state, 'hidden') as state,
    count(*) as connections,
    max(extract(epoch from clock_timestamp() - pg_stat_activity.state_change))::double precision as longest_seconds,
    max(extract(epoch from clock_timestamp() - pg_stat_activity.xact_start))::double precision
        as longest_transaction_seconds
from pg_stat_activity
where
    pg_stat_activity.datname = current_database()
    and pg_stat_activity.backend_type = 'client backend'
    and pg_stat_activity.pid <> pg_backend_pid()
group by
    role_name,
    application_name,
    state
order by
    connections desc,
    role_name,
    application_name,
    state;
