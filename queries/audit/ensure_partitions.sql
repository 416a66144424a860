-- Create the partitions of the audit trail for this month and some months ahead. Return the names of the new ones.
--
-- @writes the partitions
-- @notnull name: the function returns names of tables
select partition.name
from ensure_audit_partitions(%(months_ahead)s) as partition (name);
