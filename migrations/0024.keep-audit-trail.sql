-- Who changed which row when, from what to what.
--
-- The trail keeps what would be lost without it. Of an inserted row, that it came, when and by whom: what it was then
-- is what it is now, less what has changed since. Of an updated row the columns that changed, old and new; of a deleted
-- one, all of it. Rows inserted by one statement for one learner share an entry: with one each, and an image in it, a
-- bulk load took nearly twice as long. What is in a ledger, to which the application only adds, is its own record.
--
-- Triggers of whole statements write it, with the owner's rights: no role of the application has any but to read it.

create type audit_action as enum ('INSERT', 'UPDATE', 'DELETE', 'ANONYMISE');

grant usage on type audit_action to app_service;

create table audit_log (
    -- Whose the row is: the learner, or the row itself where it is nobody's. What a distributed trail is distributed
    -- by, so that a learner's entries are where the learner's rows are.
    subject_id uuid not null,
    -- By the clock and not the start of the transaction: taken while the row is locked, it orders the row's changes.
    occurred_at timestamptz not null default clock_timestamp(),
    id bigint not null generated always as identity,
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
    after jsonb,
    -- No foreign key: the trail outlives what it is about.
    constraint audit_log_pkey primary key (subject_id, occurred_at, id)
)
partition by range (occurred_at);

-- What somebody did to what is not theirs, for their erasure to find. Learners, who work on their own, add nothing.
create index idx_audit_actor on audit_log (actor_id) where actor_id <> subject_id;

-- Where entries go whose month has no partition: a write never fails because nobody has made one.
create table audit_log_default partition of audit_log default;

alter table audit_log enable row level security;

alter table audit_log force row level security;

-- Nobody may write but the owner, as whom the triggers run, and who is no superuser perhaps.
create policy audit_log_owner on audit_log for all to current_user
using (true)
with check (true);

create policy audit_log_service on audit_log for select to app_service
using (true);

-- What became of their own rows is in a learner's export.
create policy audit_log_own on audit_log for select to app_user
using (subject_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

revoke all on audit_log from app_service;

grant select on audit_log to app_engine, app_service;

-- A partition is reached through the trail only, and by nobody but the owner.
create procedure protect_audit_partition(partition_name text)
language plpgsql
set search_path = pg_catalog, public
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

-- Makes the partitions of this month and of some months ahead, and of months that are in the default partition, whose
-- entries are moved. Two who do so at once come one after the other. Whoever writes to a month that has a partition
-- goes on meanwhile; who needs the default partition waits.
create function ensure_audit_partitions(months_ahead integer) returns setof text
language plpgsql
set search_path = pg_catalog, public
set lock_timeout = '5s'
as $$
declare
    month timestamp;
    partition_name text;
begin
    perform pg_advisory_xact_lock(hashtextextended('partitions of audit_log', 0));
    -- First, and whole: whoever came before it with a row for a new month would keep that from being attached.
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

-- Drops what is older than so many whole months. For an instant nobody else may write what is audited.
create function drop_audit_partitions(months_kept integer) returns setof text
language plpgsql
set search_path = pg_catalog, public
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

create function refuse_truncate() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
begin
    raise exception 'truncating % would leave no trace of its rows', tg_argv[0]
        using errcode = 'object_not_in_prerequisite_state', hint = 'Use delete.';
end
$$;

-- Puts a table on the trail; called again, it takes up what columns have come. Written out for each table and not once
-- for all: comparing named columns takes a tenth of what turning rows into documents does.
--
-- subject    the column of audit_log.subject_id
-- row_key    the column of audit_log.row_keys
-- unaudited  columns that follow from others or from facts elsewhere
-- secret     columns of which the trail says only that they changed
-- is_ledger  whether the insert of a row is recorded by the row
create procedure audit_table(
    table_name text,
    subject text,
    row_key text,
    unaudited text[] default '{}',
    secret text[] default '{}',
    is_ledger boolean default false
)
language plpgsql
set search_path = pg_catalog, public
as $procedure$
declare
    -- The entry says who and when.
    noise constant text[] := array['updated_at', 'created_by', 'updated_by'];
    old_values text;
    new_values text;
    old_differences text;
    new_differences text;
    old_image text;
    row_image text;
    same_row text;
    key_text text;
    insert_function text;
    update_function text;
    delete_function text;
    change record;
    function_name text;
begin
    with audited_column as (
        select
            pg_attribute.attnum as place,
            format('old_row.%I', pg_attribute.attname) as old_value,
            format('new_row.%I', pg_attribute.attname) as new_value,
            format('audited.%I', pg_attribute.attname) as value,
            pg_attribute.attname::text as name,
            pg_attribute.attname = any(secret) as is_secret
        from pg_attribute
        where pg_attribute.attrelid = table_name::regclass
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
            and pg_attribute.attgenerated = ''
            and pg_attribute.attname <> all(unaudited || noise)
    ),

    difference as (
        select
            audited_column.place,
            format(
                'case when %s is distinct from %s then %L || %%s end',
                audited_column.old_value, audited_column.new_value, to_json(audited_column.name) || ':'
            ) as template,
            case
                when audited_column.is_secret then quote_literal('"(secret)"')
                else format('coalesce(to_json(%s)::text, ''null'')', audited_column.old_value)
            end as old_text,
            case
                when audited_column.is_secret then quote_literal('"(secret)"')
                else format('coalesce(to_json(%s)::text, ''null'')', audited_column.new_value)
            end as new_text
        from audited_column
    )

    select
        string_agg(audited_column.old_value, ', ' order by audited_column.place),
        string_agg(audited_column.new_value, ', ' order by audited_column.place),
        string_agg(format(difference.template, difference.old_text), ', ' order by audited_column.place),
        string_agg(format(difference.template, difference.new_text), ', ' order by audited_column.place),
        string_agg(format('%L, %s', audited_column.name, audited_column.old_value), ', ' order by audited_column.place)
            filter (where not audited_column.is_secret),
        string_agg(format('%L, %s', audited_column.name, audited_column.value), ', ' order by audited_column.place)
            filter (where not audited_column.is_secret)
    into old_values, new_values, old_differences, new_differences, old_image, row_image
    from audited_column
    inner join difference on difference.place = audited_column.place;

    select
        string_agg(format('old_row.%1$I = new_row.%1$I', pg_attribute.attname), ' and ' order by pg_attribute.attnum)
    into same_row
    from pg_index
    inner join pg_attribute
        on pg_attribute.attrelid = pg_index.indrelid
            and pg_attribute.attnum = any(pg_index.indkey)
    where pg_index.indrelid = table_name::regclass
        and pg_index.indisprimary;

    -- A date as text depends on the session's DateStyle.
    select case when pg_attribute.atttypid = 'date'::regtype then 'to_char(%s, ''YYYY-MM-DD'')' else '%s::text' end
    into key_text
    from pg_attribute
    where pg_attribute.attrelid = table_name::regclass
        and pg_attribute.attname = row_key;

    -- A function for each kind of change, because telling them apart takes as long as the rest.
    insert_function := format(
        $statement$
            insert into audit_log (subject_id, table_name, action, row_keys)
            select new_row.%1$I, %2$L, 'INSERT', %3$s
            from new_rows as new_row
            %4$s;
        $statement$,
        subject, table_name,
        format(
            -- In an order, because it then takes sorting and no hash table of arrays, which is slower.
            case when subject = row_key then 'array[%1$s]' else 'array_agg(%1$s order by new_row.%2$I)' end,
            format(key_text, format('new_row.%I', row_key)), row_key
        ),
        case when subject <> row_key then format('group by new_row.%I', subject) end
    );
    -- Looked at first: to set up the comparison of each column takes longer than all of this. A full join, for a row
    -- whose key has changed.
    update_function := format(
        $statement$
            if exists (
                select from old_rows as old_row
                full join new_rows as new_row on %4$s
                where (%5$s) is distinct from (%6$s)
            ) then
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                select
                    coalesce(new_row.%1$I, old_row.%1$I), %2$L, 'UPDATE', array[coalesce(%3$s)],
                    ('{' || concat_ws(',', %7$s) || '}')::jsonb, ('{' || concat_ws(',', %8$s) || '}')::jsonb
                from old_rows as old_row
                full join new_rows as new_row on %4$s
                where (%5$s) is distinct from (%6$s);
            end if;
        $statement$,
        subject, table_name,
        format(key_text, format('new_row.%I', row_key)) || ', ' || format(key_text, format('old_row.%I', row_key)),
        same_row, old_values, new_values, old_differences, new_differences
    );
    delete_function := format(
        $statement$
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            select old_row.%1$I, %2$L, 'DELETE', array[%3$s], jsonb_build_object(%4$s)
            from old_rows as old_row;
        $statement$,
        subject, table_name, format(key_text, format('old_row.%I', row_key)), old_image
    );

    for change in
        select
            given.event,
            given.body,
            given.rows
        from (
            values
            ('insert', insert_function, 'new table as new_rows'),
            ('update', update_function, 'old table as old_rows new table as new_rows'),
            ('delete', delete_function, 'old table as old_rows')
        ) as given (event, body, rows)
    loop
        continue when is_ledger and change.event = 'insert';
        -- With the owner's rights, because nobody else may write to the trail. What is temporary is looked up last: a
        -- temporary audit_log of somebody's would catch the entries.
        function_name := format('audit_%s_of_%s', change.event, table_name);
        execute format(
            $create$
            create or replace function public.%I() returns trigger
            language plpgsql security definer
            set search_path = pg_catalog, public, pg_temp
            as $body$ begin %s return null; end $body$
            $create$,
            function_name, change.body
        );
        execute format('revoke all on function %I() from public', function_name);
        execute format(
            'create or replace trigger %I after %s on %I referencing %s for each statement execute function %I()',
            format('%s_audit_%s', table_name, change.event), change.event, table_name, change.rows, function_name
        );
    end loop;
    execute format(
        'create or replace trigger %I before truncate on %I for each statement execute function refuse_truncate(%L)',
        table_name || '_refuse_truncate', table_name, table_name
    );

    -- The row as the trail shows it.
    execute format(
        $create$
        create or replace function public.audit_image(audited %1$I) returns jsonb
        language plpgsql stable
        set search_path = pg_catalog, public
        as $body$
        begin
            return jsonb_build_object(%2$s);
        end
        $body$
        $create$,
        table_name, row_image
    );
    execute format('revoke all on function audit_image(%I) from public', table_name);
    execute format('grant execute on function audit_image(%I) to app_service', table_name);
end
$procedure$;

-- What people edit. Each log-in begins a session, which is recorded.
call audit_table('users', 'id', 'id', '{last_login_at}', '{password_hash}');

call audit_table(
    'user_profiles', 'user_id', 'user_id',
    '{total_xp, current_level, current_streak, max_streak, last_activity_at, last_activity_on, skills_completed,
    hours_learned, trees_started, trees_completed}'
);

call audit_table('skill_categories', 'id', 'id');

call audit_table('skill_trees', 'id', 'id');

-- The inverse of other skills' dependencies, and the stamp of the graph's check.
call audit_table('skills', 'id', 'id', '{dependents, graph_change}');

call audit_table('achievements', 'id', 'id');

-- What learners have done. Counts and percentages follow from the work on skills.
call audit_table(
    'user_skill_tree_progress', 'user_id', 'skill_tree_id',
    '{progress_percent, skills_completed, total_skills, time_spent_minutes, last_activity_at, milestones_reached}'
);

call audit_table('user_skill_progress', 'user_id', 'skill_id', '{last_activity_at}');

call audit_table('user_sessions', 'user_id', 'id', '{last_activity_at}', '{token_hash}');

call audit_table('user_achievements', 'user_id', 'achievement_id', is_ledger => true);

call audit_table('xp_events', 'user_id', 'source_id', is_ledger => true);

call audit_table('user_activity_days', 'user_id', 'activity_date', is_ledger => true);

-- Takes an erased learner out of the trail: what became of their rows, and of those that are nobody's instead, and that
-- it was they who did something. That somebody was erased stays. With the owner's rights, because nobody else may
-- change the trail: this is all that can be done to it.
create function anonymise_audit(learner uuid, nobody uuid) returns void
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

revoke all on routine
anonymise_audit(uuid, uuid),
audit_table(text, text, text, text[], text[], boolean),
protect_audit_partition(text),
ensure_audit_partitions(integer),
drop_audit_partitions(integer),
refuse_truncate()
from public;

grant execute on function anonymise_audit(uuid, uuid) to app_service;

-- A year, within which somebody may think of making more.
do $make_partitions$
begin
    perform ensure_audit_partitions(12);
end
$make_partitions$;
