-- Whether pg_stat_statements is installed, loaded by the server (unknown to a role that may not see it), and created in
-- this database; and whether the role sees the statements of other roles.
select
    exists(
        select from pg_available_extensions
        where pg_available_extensions.name = 'pg_stat_statements'
    ) as is_installed,
    (
        select pg_settings.setting ~ 'pg_stat_statements'
        from pg_settings
        where pg_settings.name = 'shared_preload_libraries'
    ) as is_loaded,
    exists(
        select from pg_extension
        where pg_extension.extname = 'pg_stat_statements'
    ) as is_created,
    pg_has_role('pg_read_all_stats', 'usage') as sees_all;
