-- Report to the server's statistics what this session has done. Otherwise dead rows would be counted after the VACUUM
-- that has removed them.
select pg_stat_force_next_flush()::text as flushed;
