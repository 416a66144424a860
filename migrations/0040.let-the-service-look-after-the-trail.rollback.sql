-- Loses no data: the owner alone looks after the partitions again.

revoke execute on function ensure_audit_partitions(integer) from app_service;

drop function drop_audit_partitions_before(integer);

do $reset_row_security$
begin
    execute 'alter function ensure_audit_partitions(integer) reset row_security';
end
$reset_row_security$;

alter function ensure_audit_partitions(integer) security invoker;
