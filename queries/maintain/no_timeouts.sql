-- Switch off the timeouts that would end a transaction which waits for other work. Older servers lack some of them.
select set_config(pg_settings.name, '0', true) as setting
from pg_settings
where
    pg_settings.name in (
        'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout', 'statement_timeout'
    )
order by pg_settings.name;
