-- Remove an account that this transaction has deleted from the audit trail, and the entries of the erasure itself. Does
-- nothing for an id without an account.
--
-- nobody_id  the account that gets the kept rows; null if no rows are kept
--
-- @role app_service
-- @after erasure/keep_account, users/delete
-- @budget buffers 1100
-- @never Seq Scan on users
select anonymise_audit(%(user_id)s, %(nobody_id)s)
where
    exists (
        select from audit_trail
        where
            audit_trail.subject_id = %(user_id)s
            and audit_trail.occurred_at > now() - interval '1 day'
            and audit_trail.transaction_id = pg_current_xact_id()
            and audit_trail.table_name = 'users'
            and audit_trail.action = 'DELETE'
    );
