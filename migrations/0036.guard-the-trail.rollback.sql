-- Loses nothing; app_service can again take out the trail of what still stands.

create or replace function anonymise_audit(learner uuid, nobody uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
as $$
begin
    delete from audit_log where audit_log.subject_id in (learner, nobody);

    update audit_log
    set actor_id = null
    where audit_log.actor_id = learner
        and audit_log.actor_id <> audit_log.subject_id;

    insert into audit_log (subject_id, table_name, action, row_keys)
    values (
        '00000000-0000-0000-0000-000000000000', 'users', 'ANONYMISE', '{00000000-0000-0000-0000-000000000000}'
    );
end
$$;
