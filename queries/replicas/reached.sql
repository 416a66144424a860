-- Whether the server is a standby, and whether it has replayed the primary's log up to a position.
--
-- @sample position: 0
-- @budget buffers 8
select
    pg_is_in_recovery() as is_standby,
    coalesce(pg_last_wal_replay_lsn() - '0/0' >= %(position)s::bigint, false) as has_reached;
