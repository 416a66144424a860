-- The audit trail: who changed which row, when, from what to what. Here is where it is kept; the next migration puts
-- the tables on it.
--
-- The trail keeps what would be lost without it. Of an inserted row: that it came, when, and by whom, because what it
-- was then is what it is now, less what has changed since. Of an updated row: the columns that changed, old and new. Of
-- a deleted row: all of it. No role of the application may write to it.

create type audit_action as enum ('INSERT', 'UPDATE', 'DELETE', 'ANONYMISE');

grant usage on type audit_action to app_service;

create table audit_log (
    -- Whose the row is: the learner, or the row itself where it is nobody's. A distributed trail is distributed by it,
    -- so that a learner's entries are where the learner's rows are. No foreign key: the trail outlives what it is
    -- about.
    subject_id uuid not null,

    -- By the clock, and not by the start of the transaction: it is taken while the row is locked, and so it orders the
    -- changes of the row.
    occurred_at timestamptz not null default clock_timestamp(),
    id bigint not null generated always as identity,
    constraint audit_log_pkey primary key (subject_id, occurred_at, id),

    table_name text not null,
    action audit_action not null,

    -- What tells a row from the others of its subject: the skill, the tree, the achievement, the session, the day.
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

-- What somebody did to what is not theirs: their erasure looks for it. Learners work on what is their own.
create index idx_audit_actor on audit_log (actor_id) where actor_id <> subject_id;

-- Takes the entries of months without a partition: a write never fails because nobody has made one.
create table audit_log_default partition of audit_log default;

alter table audit_log enable row level security, force row level security;

-- Only the owner may write. Triggers run as the owner, which need not be a superuser.
create policy audit_log_owner on audit_log for all to current_user
using (true)
with check (true);

create policy audit_log_service on audit_log for select to app_service
using (true);

-- A learner's export tells what became of their own rows.
create policy audit_log_own on audit_log for select to app_user
using (subject_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

revoke all on audit_log from app_service;

grant select on audit_log to app_engine, app_service;

-- Roles reach a partition through the trail only. The owner alone reaches it directly.
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

-- Functions that run with the owner's rights set `row_security`. A script of pg_dump begins with `set row_security =
-- off`, and then a query that policies would narrow fails. These see by the owner's policies, whatever the session has
-- set.

-- Makes the partitions of this month and of the months ahead, and of months that are in the default partition, whose
-- entries are moved. Two sessions that do so at once take turns. Meanwhile, whoever writes to a month that has a
-- partition goes on; whoever needs the default partition waits.
--
-- With the owner's rights, because partitions are its tables: the service calls it, and needs no log-in of the owner.
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
    -- Locked before anything else: a row for a new month that came meanwhile would keep that partition from being
    -- attached.
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

-- Drops what is older than so many whole months. For an instant, nobody else may write what is audited.
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

-- The same for the service, which says what may be lost: never the current month, nor the one before it. So nobody
-- takes away the trail of what was done just now.
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

-- Takes an account that is just being deleted out of the trail: the entries about its rows, the entries about rows that
-- stay as nobody's instead (`nobody`; null where none stay), and the learner as actor of other entries. That somebody
-- was erased stays.
--
-- With the owner's rights, because nobody else may change the trail: this is all that can be done to it. It must be
-- done in the transaction that deletes the account, so that nobody covers tracks with it: neither those of what still
-- stands, nor of what others have deleted, nor of an account that has come since.
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

-- A year of partitions, within which somebody may think of making more (`skilltree audit`).
do $make_partitions$
begin
    perform ensure_audit_partitions(12);
end
$make_partitions$;
