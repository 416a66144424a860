-- Loses the audit trail.

drop function anonymise_audit(uuid, uuid);

drop function drop_audit_partitions_before(integer);

drop function drop_audit_partitions(integer);

drop function ensure_audit_partitions(integer);

drop procedure protect_audit_partition(text);

drop table audit_log;

drop type audit_action;
