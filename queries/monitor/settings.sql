-- The settings of a session that monitors: it writes nothing, and waits for no lock for long. The application's login
-- role becomes the service. Where pg_stat_statements has a schema of its own, its names are found, too.
select
    set_config(
        'search_path',
        concat_ws(
            ', ',
            'public',
            (
                select quote_ident(pg_namespace.nspname)
                from pg_extension
                inner join pg_namespace on pg_extension.extnamespace = pg_namespace.oid
                where
                    pg_extension.extname = 'pg_stat_statements'
                    and pg_namespace.nspname <> 'public'
            ),
            'pg_temp'
        ),
        false
    ) as search_path,
    set_config('statement_timeout', %(timeout)s::text, false) as statement_timeout,
    set_config('lock_timeout', '1s', false) as lock_timeout,
    set_config('default_transaction_read_only', 'on', false) as read_only,
    set_config('timezone', 'UTC', false) as timezone,
    case
        when current_user = 'app_user' and pg_has_role(session_user, to_regrole('app_service')::oid, 'member')
            then set_config('role', 'app_service', false)
    end as role_name;
