-- Drop the audit entries older than this number of whole months. Return the names of the dropped partitions.
--
-- @writes it drops the partitions
-- @notnull name: the function returns names of tables
select partition.name
from drop_audit_partitions_before(%(months_kept)s) as partition (name);
