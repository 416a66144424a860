-- The position of the primary's log, as a number. Whatever was committed before is before it.
--
-- At the start of a page of the log, PostgreSQL gives the position after the page's header (24 bytes), which a standby
-- does not reach before the next record.
--
-- @budget buffers 8
with written as (
    select (pg_current_wal_insert_lsn() - '0/0')::bigint as position
)

select
    case
        when written.position % current_setting('wal_block_size')::bigint = 24 then written.position - 24
        else written.position
    end as position
from written;
