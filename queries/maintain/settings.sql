-- The settings of a session that maintains tables: it gives up a lock after some time, and ends soon after its client.
--
-- lock_timeout  in milliseconds
select
    set_config('search_path', 'public, pg_temp', false) as search_path,
    set_config('lock_timeout', %(lock_timeout)s::integer::text, false) as lock_timeout,
    set_config('statement_timeout', '0', false) as statement_timeout,
    set_config('client_connection_check_interval', '1s', false) as client_check;
