-- Take the turn to maintain this database, until the transaction ends. False if another run has it.
--
-- A transaction, because behind PgBouncer a session is shared with others.
select
    pg_try_advisory_xact_lock(hashtext('skilltree'), hashtext('maintain')) as is_taken,
    pg_is_in_recovery() as is_standby;
