-- An erasure can be done again after a restore to a moment before it.
--
-- The trail keeps that somebody was erased. Now it also keeps the SHA-256 of the account's id, and whether progress was
-- kept under another id. `skilltree backup` copies these entries to the folder of the backups, and a restore erases the
-- accounts again whose ids have these hashes. The hash leads to nobody: an id has 74 random bits, and it is in no other
-- place of the database.
--
-- @compatible

create or replace function anonymise_audit(learner uuid, nobody uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set row_security = on
as $$
begin
    if exists (select from users where users.id = learner)
        or not exists (
            select from audit_log
            where audit_log.subject_id = learner
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.table_name = 'users'
                and audit_log.action = 'DELETE'
        )
    then
        raise exception 'the audit trail of account % cannot be removed: this transaction does not delete it', learner
            using errcode = 'ST401', hint = 'Use users.erase or users.delete.';
    end if;
    if nobody is not null
        and not exists (
            select from users
            inner join audit_log on audit_log.subject_id = users.id
            where users.id = nobody
                and not users.is_active
                and users.email = 'deleted-' || nobody || '@deleted.invalid'
                and users.password_hash = '$2b$04$' || repeat('.', 53)
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.table_name = 'users'
                and audit_log.action = 'INSERT'
        )
    then
        raise exception
            'the audit trail of account % cannot be removed: it is no placeholder created in this transaction', nobody
            using errcode = 'ST401', hint = 'Use users.erase.';
    end if;

    delete from audit_log where audit_log.subject_id in (learner, nobody);

    update audit_log
    set actor_id = null
    where audit_log.actor_id = learner
        and audit_log.actor_id <> audit_log.subject_id;

    insert into audit_log (subject_id, table_name, action, row_keys, after)
    values (
        '00000000-0000-0000-0000-000000000000', 'users', 'ANONYMISE', '{00000000-0000-0000-0000-000000000000}',
        jsonb_build_object(
            'account_hash', encode(sha256(convert_to(learner::text, 'UTF8')), 'hex'),
            'is_kept', nobody is not null
        )
    );
end
$$;
