-- How many connections the whole server has, and how many it allows to roles that are no superusers.
select
    count(pg_stat_activity.pid) as connections,
    current_setting('max_connections')::integer
    - current_setting('superuser_reserved_connections')::integer
    - coalesce(current_setting('reserved_connections', true), '0')::integer as allowed
from pg_stat_activity
where pg_stat_activity.backend_type = 'client backend';
