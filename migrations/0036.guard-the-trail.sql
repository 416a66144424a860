-- The trail of an account goes with the account, and no other trail goes at all. Until now app_service could take out
-- that of whatever still stands, and a deleted account left behind who it had been.
--
-- @changes audit_log: entries about accounts that are gone are taken out

-- Takes an account that is just being deleted out of the trail: what became of its rows, and of those that are nobody's
-- instead (null where none stay), and that it was they who did something. That somebody was erased stays.
--
-- With the owner's rights, because nobody else may change the trail: this is all that can be done to it. It is done in
-- the transaction that deletes the account, so that nobody covers tracks with it: neither those of what stands, nor of
-- what others have deleted, nor of an account that has come since.
create or replace function anonymise_audit(learner uuid, nobody uuid) returns void
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
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
        raise exception 'the trail of % stays: no account with this id is deleted in this transaction', learner
            using errcode = 'object_not_in_prerequisite_state', hint = 'Use users.erase or users.delete.';
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
        raise exception 'the trail of % stays: it is not an account of nobody, made in this transaction', nobody
            using errcode = 'object_not_in_prerequisite_state', hint = 'Use users.erase.';
    end if;

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

delete from audit_log
where
    audit_log.table_name in (
        'users',
        'user_profiles',
        'user_sessions',
        'user_skill_tree_progress',
        'user_skill_progress',
        'user_achievements',
        'user_activity_days',
        'xp_events'
    )
    and audit_log.action <> 'ANONYMISE'
    and not exists (
        select from users
        where users.id = audit_log.subject_id
    );
