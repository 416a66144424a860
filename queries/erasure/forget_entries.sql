-- Remove an account that this transaction has deleted from the entries about learners, which are on their servers. On
-- one server, erasure/forget_trail removes them.
--
-- nobody_id  the account that gets the kept rows; null if no rows are kept
--
-- @role app_service
-- @across entries about other learners whose rows the account has changed
-- @after erasure/keep_account, users/delete
-- @budget buffers 8
with deletion as materialized (
    select shared_audit_log.subject_id
    from shared_audit_log
    where
        shared_audit_log.subject_id = %(user_id)s
        and shared_audit_log.occurred_at > now() - interval '1 day'
        and shared_audit_log.transaction_id = pg_current_xact_id()
        and shared_audit_log.table_name = 'users'
        and shared_audit_log.action = 'DELETE'
)

-- Each server calls the function for its own entries.
select forget_entries(audit_log.subject_id, %(user_id)s, %(nobody_id)s)
from audit_log
inner join deletion
    on
        audit_log.subject_id in (deletion.subject_id, %(nobody_id)s)
        or (audit_log.actor_id = deletion.subject_id and audit_log.actor_id <> audit_log.subject_id)
group by audit_log.subject_id;
