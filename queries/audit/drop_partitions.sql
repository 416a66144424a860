-- Drop what the audit trail holds from before so many whole months; the names of the partitions that went.
--
-- @notnull name: the function returns names of tables
select partition.name
from drop_audit_partitions_before(%(months_kept)s) as partition (name);
