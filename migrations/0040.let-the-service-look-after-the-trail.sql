-- The service makes the partitions of the trail for the months to come, and drops those of the months that are over: no
-- log-in of the owner's is needed for that. With the owner's rights, because partitions are its tables.
--
-- @compatible

alter function ensure_audit_partitions(integer) security definer;

do $fix_row_security$
begin
    execute 'alter function ensure_audit_partitions(integer) set row_security = on';
end
$fix_row_security$;

-- Says what may be lost: never the month that runs, nor the one before it. Nobody takes the trail of what was done just
-- now away.
create function drop_audit_partitions_before(months_kept integer) returns setof text
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set row_security = on
set lock_timeout = '5s'
as $$
begin
    if months_kept is null or months_kept < 1 then
        raise exception 'the trail is kept for one month at least, not %', months_kept
            using errcode = 'invalid_parameter_value';
    end if;
    return query select partition.name from drop_audit_partitions(months_kept) as partition (name);
end
$$;

revoke all on function drop_audit_partitions_before(integer) from public;

grant execute on function
ensure_audit_partitions(integer),
drop_audit_partitions_before(integer)
to app_service;
