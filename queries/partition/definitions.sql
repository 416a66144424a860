-- The statements that give a table's partitioned copy, in the schema skilltree_partition, what the table has: keys,
-- indexes, policies and grants; names of its partitions' unique indexes; then the foreign keys that it does not have
-- yet; and in the swap, triggers, views and functions of its row type.
--
-- For a session with an empty search_path, which makes the server qualify the names in a definition.
--
-- name  the table
with chosen as (
    select
        pg_class.oid,
        pg_class.relname,
        pg_class.relkind,
        pg_class.reltype,
        pg_class.relowner,
        pg_class.relacl,
        format('skilltree_partition.%%I', pg_class.relname) as copy_name
    from pg_class
    where
        pg_class.relnamespace = to_regnamespace('public')
        and pg_class.relname = %(name)s
),

own_view as (
    select distinct
        pg_class.oid,
        pg_class.relowner,
        pg_class.reloptions
    from chosen
    inner join pg_depend on pg_depend.refclassid = 'pg_class'::regclass and chosen.oid = pg_depend.refobjid
    inner join pg_rewrite on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
    inner join pg_class on pg_rewrite.ev_class = pg_class.oid
    where pg_class.relkind = 'v'
),

own_function as (
    select distinct
        pg_proc.oid,
        pg_proc.proowner,
        pg_proc.proacl
    from chosen
    inner join pg_depend on pg_depend.refclassid = 'pg_type'::regclass and chosen.reltype = pg_depend.refobjid
    inner join pg_proc on pg_depend.classid = 'pg_proc'::regclass and pg_depend.objid = pg_proc.oid
)

select
    made.phase,
    made.statement,
    -- The table that a foreign key references, which adding it locks.
    (
        select referenced.confrelid::regclass::text
        from pg_constraint as referenced
        inner join chosen on referenced.conrelid = chosen.oid
        where made.phase = 'reference' and referenced.conname = made.name
    ) as locked_table
from (
    select
        case when pg_constraint.contype = 'f' then 'reference' else 'copy' end as phase,
        1 as place,
        pg_constraint.conname::text as name,
        format(
            'alter table %%s add constraint %%I %%s',
            chosen.copy_name, pg_constraint.conname, pg_get_constraintdef(pg_constraint.oid)
        ) as statement
    from chosen
    inner join pg_constraint on chosen.oid = pg_constraint.conrelid
    where
        pg_constraint.contype in ('p', 'u', 'f')
        and not exists (
            select from pg_constraint as made_before
            where made_before.conrelid = to_regclass(chosen.copy_name) and made_before.conname = pg_constraint.conname
        )
    union all
    select
        'copy' as phase,
        3 as place,
        pg_index.indexrelid::regclass::text as name,
        replace(
            pg_get_indexdef(pg_index.indexrelid),
            format(' ON %%spublic.%%I USING ', case when chosen.relkind = 'p' then 'ONLY ' end, chosen.relname),
            format(' ON %%s USING ', chosen.copy_name)
        ) as statement
    from chosen
    inner join pg_index on chosen.oid = pg_index.indrelid
    where
        not exists (
            select from pg_constraint
            where pg_constraint.conindid = pg_index.indexrelid and pg_constraint.conrelid = chosen.oid
        )
    union all
    select
        'copy' as phase,
        4 as place,
        pg_policy.polname::text as name,
        concat_ws(
            ' ',
            format('create policy %%I on %%s as', pg_policy.polname, chosen.copy_name),
            case when pg_policy.polpermissive then 'permissive' else 'restrictive' end,
            'for',
            case pg_policy.polcmd
                when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all'
            end,
            'to',
            (
                select
                    string_agg(
                        case when member.role_id = 0 then 'public' else member.role_id::regrole::text end, ', '
                        order by member.role_id
                    )
                from unnest(pg_policy.polroles) as member (role_id)
            ),
            'using (' || pg_get_expr(pg_policy.polqual, pg_policy.polrelid) || ')',
            'with check (' || pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid) || ')'
        ) as statement
    from chosen
    inner join pg_policy on chosen.oid = pg_policy.polrelid
    union all
    select
        'copy' as phase,
        5 as place,
        privilege.grantee::text || privilege.privilege_type as name,
        format(
            'grant %%s on %%s to %%s%%s',
            privilege.privilege_type, chosen.copy_name,
            case when privilege.grantee = 0 then 'public' else privilege.grantee::regrole::text end,
            case when privilege.is_grantable then ' with grant option' end
        ) as statement
    from chosen
    cross join aclexplode(chosen.relacl) as privilege
    where privilege.grantee <> chosen.relowner
    union all
    select
        'copy' as phase,
        6 as place,
        pg_attribute.attname || privilege.grantee::text || privilege.privilege_type as name,
        format(
            'grant %%s (%%I) on %%s to %%s%%s',
            privilege.privilege_type, pg_attribute.attname, chosen.copy_name,
            case when privilege.grantee = 0 then 'public' else privilege.grantee::regrole::text end,
            case when privilege.is_grantable then ' with grant option' end
        ) as statement
    from chosen
    inner join pg_attribute on chosen.oid = pg_attribute.attrelid
    cross join aclexplode(pg_attribute.attacl) as privilege
    where privilege.grantee <> chosen.relowner
    union all
    select
        'rename' as phase,
        1 as place,
        part_index.relname::text as name,
        -- An error names the partition's constraint. Its end is that of the partition, which the client cuts off.
        format(
            'alter index %%s rename to %%I',
            part_index.oid::regclass, whole_index.relname || substring(part.relname from '_p[0-9]+$')
        ) as statement
    from chosen
    inner join pg_index on to_regclass(chosen.copy_name) = pg_index.indrelid
    inner join pg_class as whole_index on pg_index.indexrelid = whole_index.oid
    inner join pg_inherits on whole_index.oid = pg_inherits.inhparent
    inner join pg_class as part_index on pg_inherits.inhrelid = part_index.oid
    inner join pg_index as indexed_part on part_index.oid = indexed_part.indexrelid
    inner join pg_class as part on indexed_part.indrelid = part.oid
    where pg_index.indisunique
    union all
    select
        'swap' as phase,
        1 as place,
        pg_trigger.tgname::text as name,
        pg_get_triggerdef(pg_trigger.oid) as statement
    from chosen
    inner join pg_trigger on chosen.oid = pg_trigger.tgrelid
    where
        not pg_trigger.tgisinternal
        and pg_trigger.tgname <> 'skilltree_partition_mirror'
    union all
    select
        'swap' as phase,
        2 as place,
        pg_trigger.tgname::text as name,
        format(
            'alter table public.%%I %%s trigger %%I',
            chosen.relname,
            case pg_trigger.tgenabled when 'D' then 'disable' when 'A' then 'enable always' else 'enable replica' end,
            pg_trigger.tgname
        ) as statement
    from chosen
    inner join pg_trigger on chosen.oid = pg_trigger.tgrelid
    where
        not pg_trigger.tgisinternal
        and pg_trigger.tgname <> 'skilltree_partition_mirror'
        and pg_trigger.tgenabled <> 'O'
    union all
    select
        'lock' as phase,
        1 as place,
        own_view.oid::regclass::text as name,
        -- It changes nothing. A LOCK of a view would also lock all tables that the view reads.
        format('alter view %%s owner to %%s', own_view.oid::regclass, own_view.relowner::regrole) as statement
    from own_view
    union all
    select
        'swap' as phase,
        2 as place,
        own_view.oid::regclass::text as name,
        concat_ws(
            ' ',
            'create or replace view',
            own_view.oid::regclass::text,
            'with (' || array_to_string(own_view.reloptions, ', ') || ')',
            'as',
            pg_get_viewdef(own_view.oid)
        ) as statement
    from own_view
    union all
    select
        'drop' as phase,
        1 as place,
        own_function.oid::regprocedure::text as name,
        format('drop function %%s', own_function.oid::regprocedure) as statement
    from own_function
    union all
    select
        'swap' as phase,
        3 as place,
        own_function.oid::regprocedure::text as name,
        pg_get_functiondef(own_function.oid) as statement
    from own_function
    union all
    select
        'swap' as phase,
        4 as place,
        own_function.oid::regprocedure::text as name,
        format('revoke all on function %%s from public', own_function.oid::regprocedure) as statement
    from own_function
    where own_function.proacl is not null
    union all
    select
        'swap' as phase,
        5 as place,
        own_function.oid::regprocedure::text || privilege.grantee::text as name,
        format(
            'grant execute on function %%s to %%s',
            own_function.oid::regprocedure,
            case when privilege.grantee = 0 then 'public' else privilege.grantee::regrole::text end
        ) as statement
    from own_function
    cross join aclexplode(own_function.proacl) as privilege
    where privilege.grantee <> own_function.proowner
) as made
order by made.phase, made.place, made.name;
