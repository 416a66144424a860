-- Lets the service erase accounts on a distributed server (Citus). On any other server, nothing changes.
--
-- @compatible

create or replace function anonymise_audit(learner uuid, nobody uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set row_security = on
as $$
declare
    -- The trail of accounts is apart on a distributed server. There, forget_entries removes all other entries: this
    -- function works for the owner, with whom Citus would connect to the other servers again.
    is_apart constant boolean := exists (
        select 1 from shared_audit_log
        where shared_audit_log.subject_id = learner
            and shared_audit_log.occurred_at > now() - interval '1 day'
            and shared_audit_log.transaction_id = pg_current_xact_id()
            and shared_audit_log.table_name = 'users'
            and shared_audit_log.action = 'DELETE'
    );
    is_there constant boolean := exists (select 1 from users where users.id = learner);
    is_placeholder constant boolean := exists (
        select 1 from users
        where users.id = nobody
            and not users.is_active
            and users.email = 'deleted-' || nobody || '@deleted.invalid'
            and users.password_hash = '$2b$04$' || repeat('.', 53)
    );
    no_subject constant uuid := '00000000-0000-0000-0000-000000000000';
    erasure constant jsonb := jsonb_build_object(
        'account_hash', encode(sha256(convert_to(learner::text, 'UTF8')), 'hex'),
        'is_kept', nobody is not null
    );
    is_deleted boolean := is_apart;
    is_created boolean := exists (
        select 1 from shared_audit_log
        where shared_audit_log.subject_id = nobody
            and shared_audit_log.occurred_at > now() - interval '1 day'
            and shared_audit_log.transaction_id = pg_current_xact_id()
            and shared_audit_log.table_name = 'users'
            and shared_audit_log.action = 'INSERT'
    );
begin
    if not is_apart then
        is_deleted := exists (
            select 1 from audit_log
            where audit_log.subject_id = learner
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.table_name = 'users'
                and audit_log.action = 'DELETE'
        );
        is_created := exists (
            select 1 from audit_log
            where audit_log.subject_id = nobody
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.table_name = 'users'
                and audit_log.action = 'INSERT'
        );
    end if;
    if is_there or not is_deleted then
        raise exception 'the audit trail of account % cannot be removed: this transaction does not delete it', learner
            using errcode = 'ST401', hint = 'Use users.erase or users.delete.';
    end if;
    if nobody is not null and not (is_placeholder and is_created) then
        raise exception
            'the audit trail of account % cannot be removed: it is no placeholder created in this transaction', nobody
            using errcode = 'ST401', hint = 'Use users.erase.';
    end if;

    delete from shared_audit_log where shared_audit_log.subject_id in (learner, nobody);

    update shared_audit_log
    set actor_id = null
    where shared_audit_log.actor_id = learner
        and shared_audit_log.actor_id <> shared_audit_log.subject_id;

    if is_apart then
        insert into shared_audit_log (subject_id, table_name, action, row_keys, after)
        values (no_subject, 'users', 'ANONYMISE', array[no_subject::text], erasure);
        return;
    end if;

    delete from audit_log where audit_log.subject_id in (learner, nobody);

    update audit_log
    set actor_id = null
    where audit_log.actor_id = learner
        and audit_log.actor_id <> audit_log.subject_id;

    insert into audit_log (subject_id, table_name, action, row_keys, after)
    values (no_subject, 'users', 'ANONYMISE', array[no_subject::text], erasure);
end
$$;

-- Removes what an entry about a subject says about an account that is just being deleted. The coordinator calls it on
-- the server of the subject, for the service, which has changed rows there. See anonymise_audit, which does the rest.
--
-- For the entries about the account, it sees that this transaction has deleted rows of it. Of those about the account
-- that gets the kept rows, it removes what this transaction has written. For entries about others, it sees only that
-- the account is gone. It cannot remove the fact that the account was deleted, because this is on the coordinator.
create function forget_entries(subject uuid, learner uuid, nobody uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set row_security = on
as $$
declare
    is_there constant boolean := exists (select 1 from users where users.id = learner);
    is_placeholder constant boolean := exists (
        select 1 from users
        where users.id = nobody
            and not users.is_active
            and users.email = 'deleted-' || nobody || '@deleted.invalid'
            and users.password_hash = '$2b$04$' || repeat('.', 53)
    );
    is_distributed boolean := false;
    is_proven boolean := true;
begin
    if to_regclass('pg_catalog.pg_dist_partition') is not null then
        is_distributed := exists (
            select 1 from pg_dist_partition where pg_dist_partition.logicalrelid = 'audit_log'::regclass
        );
    end if;
    if is_distributed and subject = learner then
        is_proven := exists (
            select 1 from audit_log
            where audit_log.subject_id = subject
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.action = 'DELETE'
        );
    elsif subject = nobody then
        is_proven := is_placeholder;
    end if;
    if is_there or not is_distributed or not is_proven then
        raise exception 'the audit trail of account % cannot be removed: this transaction does not delete it', learner
            using errcode = 'ST401', hint = 'Use users.erase or users.delete.';
    end if;
    if subject = learner then
        delete from audit_log where audit_log.subject_id = subject;
    elsif subject = nobody then
        delete from audit_log
        where audit_log.subject_id = subject
            and audit_log.transaction_id = pg_current_xact_id();
    else
        update audit_log
        set actor_id = null
        where audit_log.subject_id = subject
            and audit_log.actor_id = learner;
    end if;
end
$$;

-- Citus gives workers the function, but not our default privileges.
revoke all on function forget_entries(uuid, uuid, uuid) from public;

grant execute on function forget_entries(uuid, uuid, uuid) to app_service;
