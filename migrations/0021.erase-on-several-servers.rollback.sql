-- Loses nothing.

drop function forget_entries(uuid, uuid, uuid);

create or replace function anonymise_audit(learner uuid, nobody uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set row_security = on
as $$
declare
    -- Each asks for itself: Citus plans no question about both a learner's rows and those of all servers.
    is_there constant boolean := exists (select 1 from users where users.id = learner);
    is_placeholder constant boolean := exists (
        select 1 from users
        where users.id = nobody
            and not users.is_active
            and users.email = 'deleted-' || nobody || '@deleted.invalid'
            and users.password_hash = '$2b$04$' || repeat('.', 53)
    );
    is_deleted constant boolean := exists (
        select 1 from audit_trail
        where audit_trail.subject_id = learner
            and audit_trail.occurred_at > now() - interval '1 day'
            and audit_trail.transaction_id = pg_current_xact_id()
            and audit_trail.table_name = 'users'
            and audit_trail.action = 'DELETE'
    );
    is_created constant boolean := exists (
        select 1 from audit_trail
        where audit_trail.subject_id = nobody
            and audit_trail.occurred_at > now() - interval '1 day'
            and audit_trail.transaction_id = pg_current_xact_id()
            and audit_trail.table_name = 'users'
            and audit_trail.action = 'INSERT'
    );
begin
    if is_there or not is_deleted then
        raise exception 'the audit trail of account % cannot be removed: this transaction does not delete it', learner
            using errcode = 'ST401', hint = 'Use users.erase or users.delete.';
    end if;
    if nobody is not null and not (is_placeholder and is_created) then
        raise exception
            'the audit trail of account % cannot be removed: it is no placeholder created in this transaction', nobody
            using errcode = 'ST401', hint = 'Use users.erase.';
    end if;

    delete from audit_log where audit_log.subject_id in (learner, nobody);

    update audit_log
    set actor_id = null
    where audit_log.actor_id = learner
        and audit_log.actor_id <> audit_log.subject_id;

    delete from shared_audit_log where shared_audit_log.subject_id in (learner, nobody);

    update shared_audit_log
    set actor_id = null
    where shared_audit_log.actor_id = learner
        and shared_audit_log.actor_id <> shared_audit_log.subject_id;

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
