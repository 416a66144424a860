-- Write a mark to the write-ahead log, and return the transactions that the statement sees, and the position after the
-- mark.
--
-- is_transactional  whether the mark gets a transaction of its own, whose commit is flushed to disk
-- mark  its text
--
-- @role app_service
select
    pg_current_snapshot()::text as snapshot,
    pg_logical_emit_message(%(is_transactional)s::boolean, 'skilltree', %(mark)s::text)::text as position;
