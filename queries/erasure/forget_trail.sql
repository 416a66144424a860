-- Take an account that this transaction has deleted out of the audit trail, and with it what was added here. Of who had
-- no account there is nothing to take.
--
-- nobody_id  whose their rows are from now on; null where none stay
--
-- @role app_service
-- @after erasure/keep_account, users/delete
-- @budget buffers 1100
-- @never Seq Scan on users
select anonymise_audit(%(user_id)s, %(nobody_id)s)
where
    exists (
        select from audit_log
        where
            audit_log.subject_id = %(user_id)s
            and audit_log.occurred_at > now() - interval '1 day'
            and audit_log.transaction_id = pg_current_xact_id()
            and audit_log.table_name = 'users'
            and audit_log.action = 'DELETE'
    );
