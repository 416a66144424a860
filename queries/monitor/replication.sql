-- The standbys and replication slots, and how much of the write-ahead log each has not replayed or holds back. On a
-- standby, how far it is behind.
select
    'standby' as kind,
    coalesce(nullif(pg_stat_replication.application_name, ''), 'standby') as name,
    coalesce(pg_stat_replication.state, 'hidden') as state,
    pg_stat_replication.sync_state = 'sync' as is_synchronous,
    pg_wal_lsn_diff(
        pg_current_wal_lsn(),
        coalesce(
            pg_stat_replication.replay_lsn,
            pg_stat_replication.flush_lsn,
            pg_stat_replication.write_lsn,
            pg_stat_replication.sent_lsn
        )
    )::bigint as lag_bytes,
    extract(epoch from pg_stat_replication.replay_lag)::double precision as lag_seconds
from pg_stat_replication
where not pg_is_in_recovery()
union all
select
    'slot' as kind,
    pg_replication_slots.slot_name::text as name,
    case when pg_replication_slots.active then 'active' else 'inactive' end as state,
    false as is_synchronous,
    case
        when not pg_is_in_recovery()
            then pg_wal_lsn_diff(pg_current_wal_lsn(), pg_replication_slots.restart_lsn)::bigint
    end as lag_bytes,
    null as lag_seconds
from pg_replication_slots
where not pg_replication_slots.temporary
union all
select
    'this standby' as kind,
    'this server' as name,
    'in recovery' as state,
    false as is_synchronous,
    pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint as lag_bytes,
    extract(epoch from now() - pg_last_xact_replay_timestamp())::double precision as lag_seconds
where pg_is_in_recovery()
order by
    kind,
    name;
