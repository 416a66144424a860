-- What a backup must know about the server and this database, and about the role that takes the backup.
--
-- @role app_service
select
    pg_control_system.system_identifier::text as system_identifier,
    current_setting('server_version_num')::integer / 10000 as version,
    pg_size_bytes(current_setting('wal_segment_size')) as segment_size,
    pg_is_in_recovery() as is_standby,
    coalesce(current_setting('summarize_wal', true), 'off') = 'on' as has_wal_summaries,
    current_database()::text as database,
    (
        select pg_roles.rolname::text from pg_roles
        where pg_roles.oid = 10
    ) as superuser,
    (
        select pg_roles.rolsuper or pg_roles.rolbypassrls from pg_roles
        where pg_roles.rolname = current_user
    ) as sees_all,
    (
        select pg_roles.rolsuper or pg_roles.rolreplication from pg_roles
        where pg_roles.rolname = current_user
    ) as may_replicate,
    array(
        select pg_tablespace.spcname::text
        from pg_tablespace
        where pg_tablespace.spcname not in ('pg_default', 'pg_global')
        order by pg_tablespace.spcname
    ) as tablespaces
from pg_control_system();
