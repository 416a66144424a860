-- The audit trail: who changed which row, when, and the old and new values. This migration creates its table. The next
-- one puts the other tables on the trail.
--
-- The trail stores what would otherwise be lost. For an insert, it stores only who did it and when, because the row
-- itself and later entries show the values. For an update, it stores the old and new values of the changed columns. For
-- a deletion, it stores the whole row. No role of the application may write to the trail.

create type audit_action as enum ('INSERT', 'UPDATE', 'DELETE', 'ANONYMISE');

grant usage on type audit_action to app_service;

create table audit_log (
    -- The learner whose row it is, or the row's own id if it belongs to no learner. A distributed trail is distributed
    -- by this column, so that a learner's entries are with the learner's rows. No foreign key, because the trail
    -- outlives the rows.
    subject_id uuid not null,

    -- The time of the change, not of the start of the transaction. The row is locked at that time, so the times order
    -- the changes of the row.
    occurred_at timestamptz not null default clock_timestamp(),
    id bigint not null generated always as identity,
    constraint audit_log_pkey primary key (subject_id, occurred_at, id),

    table_name text not null,
    action audit_action not null,

    -- What identifies a row among those of its subject: the skill, tree, achievement, session or day.
    row_keys text[] not null,

    actor_id uuid default coalesce(
        nullif(current_setting('app.actor_id', true), ''), nullif(current_setting('app.current_user_id', true), '')
    )::uuid,
    role_name text not null default coalesce(nullif(current_setting('role'), 'none'), session_user),
    transaction_id xid8 not null default pg_current_xact_id(),
    before jsonb,
    after jsonb
)
partition by range (occurred_at);

-- For an erasure, which looks for the actor's changes of rows that are not their own. Learners change only their own.
create index idx_audit_actor on audit_log (actor_id) where actor_id <> subject_id;

-- For entries of months without a partition, so that no write fails because a partition is missing.
create table audit_log_default partition of audit_log default;

alter table audit_log enable row level security, force row level security;

-- Only the owner may write. Triggers run as the owner, which need not be a superuser.
create policy audit_log_owner on audit_log for all to current_user
using (true)
with check (true);

create policy audit_log_service on audit_log for select to app_service
using (true);

-- For a learner's export, which contains the history of their own rows.
create policy audit_log_own on audit_log for select to app_user
using (subject_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

revoke all on audit_log from app_service;

grant select on audit_log to app_engine, app_service;

-- Only the owner can access a partition directly. All other roles must read the trail itself.
create procedure protect_audit_partition(partition_name text)
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
begin
    execute format('revoke all on %I from app_service', partition_name);
    execute format('alter table %I enable row level security', partition_name);
    execute format('alter table %I force row level security', partition_name);
    execute format(
        'create policy %I on %I for all to current_user using (true) with check (true)',
        partition_name || '_owner', partition_name
    );
end
$$;

call protect_audit_partition('audit_log_default');

-- Functions that run with the owner's rights set `row_security`. A script of pg_dump starts with `set row_security =
-- off`. In such a session, a query whose rows a policy would restrict fails. With the setting, these functions use the
-- owner's policies in every session.

-- Creates the partitions of this month and some months ahead, and of months in the default partition, and moves the
-- entries of these. Concurrent calls wait for each other. Meanwhile, writes to months with a partition go on, and
-- writes to the default partition wait.
--
-- It runs with the owner's rights, because the owner must own the partitions. So the service can call it and needs no
-- log-in as the owner.
create function ensure_audit_partitions(months_ahead integer) returns setof text
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set lock_timeout = '5s'
set row_security = on
as $$
declare
    month timestamp;
    partition_name text;
begin
    perform pg_advisory_xact_lock(hashtextextended('partitions of audit_log', 0));
    -- This lock comes first. Otherwise a new row in the default partition could prevent attaching the partition for its
    -- month.
    lock table audit_log_default in access exclusive mode;
    for month in
        select date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead)
        from generate_series(0, months_ahead) as ahead
        union
        select date_trunc('month', audit_log_default.occurred_at at time zone 'UTC')
        from audit_log_default
        order by 1
    loop
        partition_name := to_char(month, '"audit_log_"YYYY"_"MM');
        continue when to_regclass(partition_name) is not null;
        execute format('create table public.%I (like audit_log including defaults)', partition_name);
        execute format(
            $move$
            with moved_entry as (
                delete from audit_log_default
                where audit_log_default.occurred_at >= %L and audit_log_default.occurred_at < %L
                returning
                    subject_id, occurred_at, id, table_name, action, row_keys,
                    actor_id, role_name, transaction_id, before, after
            )

            insert into %I (
                subject_id, occurred_at, id, table_name, action, row_keys,
                actor_id, role_name, transaction_id, before, after
            )
            select
                subject_id, occurred_at, id, table_name, action, row_keys,
                actor_id, role_name, transaction_id, before, after
            from moved_entry
            $move$,
            month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC', partition_name
        );
        execute format(
            'alter table audit_log attach partition %I for values from (%L) to (%L)',
            partition_name, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC'
        );
        call protect_audit_partition(partition_name);
        return next partition_name;
    end loop;
end
$$;

-- Drops the entries older than this number of whole months. For a moment, all writes to audited tables wait.
create function drop_audit_partitions(months_kept integer) returns setof text
language plpgsql
set search_path = pg_catalog, public, pg_temp
set lock_timeout = '5s'
as $$
declare
    first_kept constant timestamp := date_trunc('month', now() at time zone 'UTC')
        - make_interval(months => months_kept);
    partition_name text;
begin
    perform pg_advisory_xact_lock(hashtextextended('partitions of audit_log', 0));
    for partition_name in
        select pg_class.relname
        from pg_inherits
        inner join pg_class on pg_class.oid = pg_inherits.inhrelid
        where pg_inherits.inhparent = 'audit_log'::regclass
            and pg_class.relname < to_char(first_kept, '"audit_log_"YYYY"_"MM')
            and pg_class.relname <> 'audit_log_default'
        order by pg_class.relname
    loop
        execute format('drop table %I', partition_name);
        return next partition_name;
    end loop;
    delete from audit_log_default where audit_log_default.occurred_at < first_kept at time zone 'UTC';
end
$$;

-- The same for the service, which may not drop the current month or the one before. So nobody can remove the traces of
-- recent changes.
create function drop_audit_partitions_before(months_kept integer) returns setof text
language plpgsql security definer
set search_path = pg_catalog, public, pg_temp
set row_security = on
set lock_timeout = '5s'
as $$
begin
    if months_kept is null or months_kept < 1 then
        raise exception 'the audit trail must be kept for at least 1 month, not %', months_kept
            using errcode = 'ST103', hint = 'Give the number of months to keep.';
    end if;
    return query select partition.name from drop_audit_partitions(months_kept) as partition (name);
end
$$;

-- Removes an account that is just being deleted from the trail: the entries about its rows, the entries about the rows
-- that are kept under the account `nobody` (null if none are kept), and the learner as the actor of other entries. The
-- fact that somebody was erased stays.
--
-- It runs with the owner's rights, because nobody else may change the trail, and there is no other way to change it. It
-- works only in the transaction that deletes the account. So nobody can use it to hide changes of an existing account,
-- of an account that others have deleted, or of one that was created since.
create function anonymise_audit(learner uuid, nobody uuid) returns void
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

    insert into audit_log (subject_id, table_name, action, row_keys)
    values (
        '00000000-0000-0000-0000-000000000000', 'users', 'ANONYMISE', '{00000000-0000-0000-0000-000000000000}'
    );
end
$$;

grant execute on function
ensure_audit_partitions(integer),
drop_audit_partitions_before(integer),
anonymise_audit(uuid, uuid)
to app_service;

-- The partitions of the first year. After that, `skilltree audit` creates more.
do $make_partitions$
begin
    perform ensure_audit_partitions(12);
end
$make_partitions$;
