-- The tables on the audit trail, and the triggers that write to it.
--
-- Each updated or deleted row has its own entry. Rows that one statement inserts for one learner share an entry: with
-- an entry and an image for each row, a bulk load took nearly twice as long. Inserts into a ledger have no entries:
-- the row itself is the record of its insert.
--
-- No trigger inserts from a transition table, because a distributed server (Citus) does not support it.

create function refuse_truncate() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
begin
    raise exception 'table % cannot be truncated: the audit trail would not record its rows', tg_argv[0]
        using errcode = 'ST401', hint = 'Use delete.';
end
$$;

-- Puts a table on the trail. Another call adds new columns. Each table gets its own trigger functions, because
-- comparing columns by name takes a tenth of the time of converting rows to JSON.
--
-- subject    the column for audit_log.subject_id
-- row_key    the column for audit_log.row_keys
-- unaudited  columns that are derived from others or from other tables
-- secret     columns for which the trail shows only that they changed
-- is_ledger  whether a row is the record of its own insert
create procedure audit_table(
    table_name text,
    subject text,
    row_key text,
    unaudited text[] default '{}',
    secret text[] default '{}',
    is_ledger boolean default false
)
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $procedure$
declare
    -- An entry itself shows who and when.
    noise constant text[] := array['updated_at', 'created_by', 'updated_by'];
    old_values text;
    new_values text;
    old_differences text;
    new_differences text;
    old_image text;
    row_image text;
    key_columns text;
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
            format('old.%I', pg_attribute.attname) as old_value,
            format('new.%I', pg_attribute.attname) as new_value,
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

    select string_agg(format('%1$s.%2$I', '%1$s', pg_attribute.attname), ', ' order by pg_attribute.attnum)
    into key_columns
    from pg_index
    inner join pg_attribute
        on pg_attribute.attrelid = pg_index.indrelid
            and pg_attribute.attnum = any(pg_index.indkey)
    where pg_index.indrelid = table_name::regclass
        and pg_index.indisprimary;

    -- A date is formatted explicitly, because its text depends on the session's DateStyle.
    select case when pg_attribute.atttypid = 'date'::regtype then 'to_char(%s, ''YYYY-MM-DD'')' else '%s::text' end
    into key_text
    from pg_attribute
    where pg_attribute.attrelid = table_name::regclass
        and pg_attribute.attname = row_key;

    -- Each kind of change has its own function. Finding the kind in one shared function would double the time.
    insert_function := format(
        $statement$
            for entry in
                select
                    new_row.%1$I as subject_id,
                    %3$s as row_keys
                from new_rows as new_row
                %4$s
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, %2$L, 'INSERT', entry.row_keys);
            end loop;
        $statement$,
        subject, table_name,
        format(
            -- With an order, PostgreSQL sorts. Without one, it builds a hash table of arrays, which is slower.
            case when subject = row_key then 'array[%1$s]' else 'array_agg(%1$s order by new_row.%2$I)' end,
            format(key_text, format('new_row.%I', row_key)), row_key
        ),
        case when subject <> row_key then format('group by new_row.%I', subject) end
    );
    -- The function compares, because a condition of the trigger would keep columns from being dropped or changed in
    -- type. A row whose key has changed is listed under both keys.
    update_function := format(
        $statement$
            if (%9$s) is distinct from (%10$s) then
                before := '{' || concat_ws(',', %5$s) || '}';
                after := '{' || concat_ws(',', %6$s) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.%1$I, %2$L, 'UPDATE', array[%3$s], before, after);
                if (%7$s) is distinct from (%8$s) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.%1$I, %2$L, 'UPDATE', array[%4$s], before, after);
                end if;
            end if;
        $statement$,
        subject, table_name,
        format(key_text, format('new.%I', row_key)), format(key_text, format('old.%I', row_key)),
        old_differences, new_differences, format(key_columns, 'new'), format(key_columns, 'old'),
        old_values, new_values
    );
    delete_function := format(
        $statement$
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.%1$I, %2$L, 'DELETE', array[%3$s], jsonb_build_object(%4$s));
        $statement$,
        subject, table_name, format(key_text, format('old.%I', row_key)), old_image
    );

    for change in
        select
            given.event,
            given.variables,
            given.body,
            given.scope
        from (
            values
            ('insert', 'entry record;', insert_function, 'referencing new table as new_rows for each statement'),
            ('update', 'before jsonb; after jsonb;', update_function, 'for each row'),
            ('delete', '', delete_function, 'for each row')
        ) as given (event, variables, body, scope)
    loop
        continue when is_ledger and change.event = 'insert';
        -- It runs with the owner's rights, because nobody else may write to the trail. 0016 explains why it sets
        -- `row_security`.
        function_name := format('audit_%s_of_%s', change.event, table_name);
        execute format(
            $create$
            create or replace function public.%I() returns trigger
            language plpgsql security definer
            set search_path = pg_catalog, public, pg_temp
            set row_security = on
            as $body$ declare %s begin %s return null; end $body$
            $create$,
            function_name, change.variables, change.body
        );
        execute format('revoke all on function %I() from public', function_name);
        execute format(
            'create or replace trigger %I after %s on %I %s execute function %I()',
            format('%s_audit_%s', table_name, change.event), change.event, table_name, change.scope, function_name
        );
    end loop;
    execute format(
        'create or replace trigger %I before truncate on %I for each statement execute function refuse_truncate(%L)',
        table_name || '_refuse_truncate', table_name, table_name
    );

    -- The present row as the trail shows it. audit/history goes back from it through the entries.
    execute format(
        $create$
        create or replace function public.audit_image(audited %1$I) returns jsonb
        language plpgsql stable
        set search_path = pg_catalog, public, pg_temp
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

-- Accounts and the catalogue, without the last log-in: every log-in creates a session, which is on the trail.
call audit_table('users', 'id', 'id', '{last_login_at}', '{password_hash}');

-- Profiles without the columns that are derived from other tables.
call audit_table(
    'user_profiles', 'user_id', 'user_id',
    '{total_xp, current_level, current_streak, max_streak, streak_started_at, last_activity_at, last_activity_on,
    last_activity_offset, skills_completed, hours_learned, trees_started, trees_completed}'
);

call audit_table('skill_categories', 'id', 'id');

call audit_table('skill_trees', 'id', 'id');

-- Skills without the inverse of other skills' dependencies, the stamp of the graph and the copy of the tree's language.
call audit_table('skills', 'id', 'id', '{dependents, graph_change, language}');

call audit_table('achievements', 'id', 'id');

-- The progress of learners. Counts and percentages are derived from the progress in skills.
call audit_table(
    'user_skill_tree_progress', 'user_id', 'skill_tree_id',
    '{progress_percent, skills_completed, total_skills, time_spent_minutes, last_activity_at, milestones_reached}'
);

call audit_table('user_skill_progress', 'user_id', 'skill_id', '{last_activity_at}');

call audit_table('user_sessions', 'user_id', 'id', '{last_activity_at}', '{token_hash}');

call audit_table('user_achievements', 'user_id', 'achievement_id', is_ledger => true);

call audit_table('xp_events', 'user_id', 'source_id', is_ledger => true);

call audit_table('user_activity_days', 'user_id', 'activity_date', is_ledger => true);
