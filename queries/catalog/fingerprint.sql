-- Every object by name with its definition, and its grants and comment if it has any. Databases with the same schema
-- give the same rows, whatever their data, owners and history. Objects of PostgreSQL, of extensions and of the
-- bookkeeping of migrations are omitted, so a new database gives no rows. Partitions are omitted as well: they come and
-- go with the data, and are created like their table.
--
-- For a session with an empty search_path, which makes the server qualify the names in a definition.
with
of_extension as (
    select
        pg_depend.classid,
        pg_depend.objid
    from pg_depend
    where pg_depend.deptype = 'e'
),

own_schema as (
    select
        pg_namespace.oid,
        pg_namespace.nspname,
        pg_namespace.nspowner,
        pg_namespace.nspacl
    from pg_namespace
    where
        pg_namespace.nspname <> 'information_schema'
        and pg_namespace.nspname !~ '^pg_'
),

own_relation as (
    select
        pg_class.oid,
        pg_class.relkind,
        pg_class.relpersistence,
        pg_class.relam,
        pg_class.relreplident,
        pg_class.relrowsecurity,
        pg_class.relforcerowsecurity,
        pg_class.relpartbound,
        pg_class.reloptions,
        pg_class.reltoastrelid,
        pg_class.relowner,
        pg_class.relacl
    from pg_class
    inner join own_schema on pg_class.relnamespace = own_schema.oid
    where
        pg_class.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c')
        and not pg_class.relispartition
        and pg_class.relname !~ '^(_yoyo_|yoyo_lock$|skilltree_(application_)?migrations$)'
        and ('pg_class'::regclass, pg_class.oid) not in (
            select
                of_extension.classid,
                of_extension.objid
            from of_extension
        )
),

-- Without row types of tables and types of arrays and multiranges, which belong to another object.
own_type as (
    select
        pg_type.oid,
        pg_type.typtype,
        pg_type.typbasetype,
        pg_type.typtypmod,
        pg_type.typnotnull,
        pg_type.typdefault,
        pg_type.typcollation,
        pg_type.typowner,
        pg_type.typacl
    from pg_type
    inner join own_schema on pg_type.typnamespace = own_schema.oid
    left join pg_class on pg_type.typrelid = pg_class.oid
    where
        (pg_type.typtype in ('b', 'e', 'd', 'r') or pg_class.relkind = 'c')
        and not exists (
            select from pg_type as element
            where element.typarray = pg_type.oid
        )
        and ('pg_type'::regclass, pg_type.oid) not in (
            select
                of_extension.classid,
                of_extension.objid
            from of_extension
        )
),

own_routine as (
    select
        pg_proc.oid,
        pg_proc.prokind,
        pg_proc.proowner,
        pg_proc.proacl
    from pg_proc
    inner join own_schema on pg_proc.pronamespace = own_schema.oid
    where ('pg_proc'::regclass, pg_proc.oid) not in (
        select
            of_extension.classid,
            of_extension.objid
        from of_extension
    )
),

described_schema as (
    select
        'pg_namespace'::regclass as class_id,
        own_schema.oid as object_id,
        0 as column_number,
        '' as definition
    from own_schema
    where own_schema.nspname <> 'public'
),

described_relation as (
    select
        'pg_class'::regclass as class_id,
        own_relation.oid as object_id,
        0 as column_number,
        concat_ws(
            ' ',
            'persistence ' || own_relation.relpersistence::text,
            'replica identity ' || own_relation.relreplident::text,
            'using ' || pg_am.amname,
            'partition by ' || pg_get_partkeydef(own_relation.oid),
            'inherits ' || (
                select string_agg(pg_inherits.inhparent::regclass::text, ', ' order by pg_inherits.inhseqno)
                from pg_inherits
                where pg_inherits.inhrelid = own_relation.oid
            ),
            pg_get_expr(own_relation.relpartbound, own_relation.oid),
            'with ' || own_relation.reloptions::text,
            'toast with ' || side_table.reloptions::text,
            case when own_relation.relrowsecurity then 'row level security' end,
            case when own_relation.relforcerowsecurity then 'forced row level security' end,
            case when own_relation.relkind in ('v', 'm') then 'as ' || pg_get_viewdef(own_relation.oid) end
        ) as definition
    from own_relation
    left join pg_am on own_relation.relam = pg_am.oid
    left join pg_class as side_table on own_relation.reltoastrelid = side_table.oid
    where own_relation.relkind not in ('S', 'c')
),

described_sequence as (
    select
        'pg_class'::regclass as class_id,
        own_relation.oid as object_id,
        0 as column_number,
        concat_ws(
            ' ',
            pg_sequence.seqtypid::regtype::text,
            'start ' || pg_sequence.seqstart,
            'increment ' || pg_sequence.seqincrement,
            'from ' || pg_sequence.seqmin,
            'to ' || pg_sequence.seqmax,
            'cache ' || pg_sequence.seqcache,
            case when pg_sequence.seqcycle then 'cycle' end,
            'owned by ' || pg_describe_object(pg_depend.refclassid, pg_depend.refobjid, pg_depend.refobjsubid)
        ) as definition
    from own_relation
    inner join pg_sequence on own_relation.oid = pg_sequence.seqrelid
    left join pg_depend
        on
            pg_depend.classid = 'pg_class'::regclass
            and own_relation.oid = pg_depend.objid
            and pg_depend.refobjsubid > 0
            and pg_depend.deptype in ('a', 'i')
),

described_column as (
    select
        'pg_class'::regclass as class_id,
        own_relation.oid as object_id,
        pg_attribute.attnum::integer as column_number,
        concat_ws(
            ' ',
            -- Not attnum, which also counts dropped columns.
            row_number() over (partition by own_relation.oid order by pg_attribute.attnum),
            format_type(pg_attribute.atttypid, pg_attribute.atttypmod),
            'collate ' || nullif(pg_attribute.attcollation, pg_type.typcollation)::regcollation::text,
            case when pg_attribute.attnotnull then 'not null' end,
            'identity ' || nullif(pg_attribute.attidentity::text, ''),
            'generated ' || nullif(pg_attribute.attgenerated::text, ''),
            'default ' || pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid),
            'storage ' || nullif(pg_attribute.attstorage, pg_type.typstorage)::text,
            'compression ' || nullif(pg_attribute.attcompression::text, ''),
            'statistics ' || nullif(pg_attribute.attstattarget, -1),
            -- Only options that PostgreSQL knows. The server of a distribution may add its own.
            'with ' || (
                select string_agg(option.option_name || '=' || option.option_value, ', ' order by option.option_name)
                from pg_options_to_table(pg_attribute.attoptions) as option
                where option.option_name in ('n_distinct', 'n_distinct_inherited')
            )
        ) as definition
    from own_relation
    inner join pg_attribute on own_relation.oid = pg_attribute.attrelid
    inner join pg_type on pg_attribute.atttypid = pg_type.oid
    left join pg_attrdef on pg_attribute.attrelid = pg_attrdef.adrelid and pg_attribute.attnum = pg_attrdef.adnum
    where
        own_relation.relkind <> 'S'
        and pg_attribute.attnum > 0
        and not pg_attribute.attisdropped
),

described_index as (
    select
        'pg_class'::regclass as class_id,
        pg_index.indexrelid as object_id,
        0 as column_number,
        concat_ws(
            ' ',
            pg_get_indexdef(pg_index.indexrelid),
            case when not pg_index.indisvalid then 'invalid' end,
            case when pg_index.indisclustered then 'clustered' end,
            case when pg_index.indisreplident then 'replica identity' end
        ) as definition
    from own_relation
    inner join pg_index on own_relation.oid = pg_index.indrelid
),

described_constraint as (
    select
        'pg_constraint'::regclass as class_id,
        pg_constraint.oid as object_id,
        0 as column_number,
        pg_get_constraintdef(pg_constraint.oid) as definition
    from pg_constraint
    where
        pg_constraint.conrelid in (select own_relation.oid from own_relation)
        or pg_constraint.contypid in (select own_type.oid from own_type)
),

described_trigger as (
    select
        'pg_trigger'::regclass as class_id,
        pg_trigger.oid as object_id,
        0 as column_number,
        pg_get_triggerdef(pg_trigger.oid) || ' enabled ' || pg_trigger.tgenabled::text as definition
    from own_relation
    inner join pg_trigger on own_relation.oid = pg_trigger.tgrelid
    where not pg_trigger.tgisinternal
),

described_rule as (
    select
        'pg_rewrite'::regclass as class_id,
        pg_rewrite.oid as object_id,
        0 as column_number,
        pg_get_ruledef(pg_rewrite.oid) || ' enabled ' || pg_rewrite.ev_enabled::text as definition
    from own_relation
    inner join pg_rewrite on own_relation.oid = pg_rewrite.ev_class
    where pg_rewrite.rulename <> '_RETURN'
),

described_policy as (
    select
        'pg_policy'::regclass as class_id,
        pg_policy.oid as object_id,
        0 as column_number,
        concat_ws(
            ' ',
            case when pg_policy.polpermissive then 'permissive' else 'restrictive' end,
            'for ' || pg_policy.polcmd::text,
            'to ' || (
                select string_agg(coalesce(pg_roles.rolname, 'public'), ', ' order by pg_roles.rolname)
                from unnest(pg_policy.polroles) as member (role_id)
                left join pg_roles on member.role_id = pg_roles.oid
            ),
            'using ' || pg_get_expr(pg_policy.polqual, pg_policy.polrelid),
            'with check ' || pg_get_expr(pg_policy.polwithcheck, pg_policy.polrelid)
        ) as definition
    from own_relation
    inner join pg_policy on own_relation.oid = pg_policy.polrelid
),

described_routine as (
    select
        'pg_proc'::regclass as class_id,
        own_routine.oid as object_id,
        0 as column_number,
        case
            when own_routine.prokind <> 'a' then pg_get_functiondef(own_routine.oid)
            else concat_ws(
                ' ',
                pg_aggregate.aggtransfn::regprocedure::text,
                pg_aggregate.aggfinalfn::regprocedure::text,
                pg_aggregate.aggtranstype::regtype::text,
                pg_aggregate.agginitval
            )
        end as definition
    from own_routine
    left join pg_aggregate on own_routine.oid = pg_aggregate.aggfnoid
),

described_type as (
    select
        'pg_type'::regclass as class_id,
        own_type.oid as object_id,
        0 as column_number,
        concat_ws(
            ' ',
            'kind ' || own_type.typtype::text,
            (
                select string_agg(quote_literal(pg_enum.enumlabel), ', ' order by pg_enum.enumsortorder)
                from pg_enum
                where pg_enum.enumtypid = own_type.oid
            ),
            pg_range.rngsubtype::regtype::text,
            case when own_type.typtype = 'd' then format_type(own_type.typbasetype, own_type.typtypmod) end,
            'collate ' || nullif(own_type.typcollation, 0)::regcollation::text,
            case when own_type.typnotnull then 'not null' end,
            'default ' || own_type.typdefault
        ) as definition
    from own_type
    left join pg_range on own_type.oid = pg_range.rngtypid
),

-- For operators, collations, text search configurations and the like, only their existence.
described_other as (
    select
        pg_depend.classid::regclass as class_id,
        pg_depend.objid as object_id,
        0 as column_number,
        case
            when pg_depend.classid = 'pg_statistic_ext'::regclass then pg_get_statisticsobjdef(pg_depend.objid)
            else ''
        end as definition
    from pg_depend
    inner join own_schema on pg_depend.refobjid = own_schema.oid
    where
        pg_depend.refclassid = 'pg_namespace'::regclass
        and pg_depend.deptype = 'n'
        and pg_depend.classid not in (
            'pg_class'::regclass,
            'pg_type'::regclass,
            'pg_proc'::regclass,
            'pg_constraint'::regclass,
            'pg_default_acl'::regclass,
            'pg_extension'::regclass
        )
        and (pg_depend.classid, pg_depend.objid) not in (
            select
                of_extension.classid,
                of_extension.objid
            from of_extension
        )
),

described as (
    select
        described_schema.class_id,
        described_schema.object_id,
        described_schema.column_number,
        described_schema.definition
    from described_schema
    union all
    select
        described_relation.class_id,
        described_relation.object_id,
        described_relation.column_number,
        described_relation.definition
    from described_relation
    union all
    select
        described_sequence.class_id,
        described_sequence.object_id,
        described_sequence.column_number,
        described_sequence.definition
    from described_sequence
    union all
    select
        described_column.class_id,
        described_column.object_id,
        described_column.column_number,
        described_column.definition
    from described_column
    union all
    select
        described_index.class_id,
        described_index.object_id,
        described_index.column_number,
        described_index.definition
    from described_index
    union all
    select
        described_constraint.class_id,
        described_constraint.object_id,
        described_constraint.column_number,
        described_constraint.definition
    from described_constraint
    union all
    select
        described_trigger.class_id,
        described_trigger.object_id,
        described_trigger.column_number,
        described_trigger.definition
    from described_trigger
    union all
    select
        described_rule.class_id,
        described_rule.object_id,
        described_rule.column_number,
        described_rule.definition
    from described_rule
    union all
    select
        described_policy.class_id,
        described_policy.object_id,
        described_policy.column_number,
        described_policy.definition
    from described_policy
    union all
    select
        described_routine.class_id,
        described_routine.object_id,
        described_routine.column_number,
        described_routine.definition
    from described_routine
    union all
    select
        described_type.class_id,
        described_type.object_id,
        described_type.column_number,
        described_type.definition
    from described_type
    union all
    select
        described_other.class_id,
        described_other.object_id,
        described_other.column_number,
        described_other.definition
    from described_other
),

named as (
    select
        described.class_id,
        described.object_id,
        described.column_number,
        described.definition,
        case
            when described.column_number > 0 then 'column'
            when described.class_id = 'pg_constraint'::regclass then 'constraint'
            else address.kind
        end || ' ' || address.identity as object_name
    from described
    cross join
        pg_identify_object(described.class_id, described.object_id, described.column_number)
            as address (kind, of_schema, own_name, identity)
),

-- Objects with privileges, and their default privileges.
guarded as (
    select
        'pg_namespace'::regclass as class_id,
        own_schema.oid as object_id,
        0 as column_number,
        own_schema.nspowner as owner_id,
        own_schema.nspacl as granted_acl,
        case
            when own_schema.nspname <> 'public' then acldefault('n', own_schema.nspowner)
            else acldefault('n', own_schema.nspowner) || makeaclitem(0, own_schema.nspowner, 'usage', false)
        end as first_acl
    from own_schema
    union all
    select
        'pg_class'::regclass as class_id,
        own_relation.oid as object_id,
        0 as column_number,
        own_relation.relowner as owner_id,
        own_relation.relacl as granted_acl,
        case own_relation.relkind
            when 'S' then acldefault('s', own_relation.relowner)
            else acldefault('r', own_relation.relowner)
        end as first_acl
    from own_relation
    union all
    select
        'pg_class'::regclass as class_id,
        own_relation.oid as object_id,
        pg_attribute.attnum::integer as column_number,
        own_relation.relowner as owner_id,
        pg_attribute.attacl as granted_acl,
        null as first_acl
    from own_relation
    inner join pg_attribute
        on
            own_relation.oid = pg_attribute.attrelid
            -- Up to 15, a dropped column keeps its grants.
            and not pg_attribute.attisdropped
    union all
    select
        'pg_proc'::regclass as class_id,
        own_routine.oid as object_id,
        0 as column_number,
        own_routine.proowner as owner_id,
        own_routine.proacl as granted_acl,
        acldefault('f', own_routine.proowner) as first_acl
    from own_routine
    union all
    select
        'pg_type'::regclass as class_id,
        own_type.oid as object_id,
        0 as column_number,
        own_type.typowner as owner_id,
        own_type.typacl as granted_acl,
        acldefault('T', own_type.typowner) as first_acl
    from own_type
    union all
    select
        'pg_default_acl'::regclass as class_id,
        pg_default_acl.oid as object_id,
        0 as column_number,
        pg_default_acl.defaclrole as owner_id,
        pg_default_acl.defaclacl as granted_acl,
        null as first_acl
    from pg_default_acl
),

granted as (
    select
        'grants on ' || address.kind || ' ' || address.identity as object_name,
        (
            select
                string_agg(
                    concat_ws(
                        ' ',
                        case
                            when item.grantee = guarded.owner_id then 'owner'
                            else coalesce(pg_roles.rolname, 'public')
                        end,
                        item.privilege_type,
                        case when item.is_grantable then 'with grant option' end
                    ),
                    ', ' order by pg_roles.rolname, item.privilege_type
                )
            from aclexplode(guarded.granted_acl) as item
            left join pg_roles on item.grantee = pg_roles.oid
        ) as definition
    from guarded
    cross join
        pg_identify_object(guarded.class_id, guarded.object_id, guarded.column_number)
            as address (kind, of_schema, own_name, identity)
    where
        guarded.granted_acl is not null
        and (guarded.granted_acl <@ guarded.first_acl and guarded.granted_acl @> guarded.first_acl) is not true
),

commented as (
    select
        pg_description.description as definition,
        'comment on ' || named.object_name as object_name
    from named
    inner join pg_description
        on
            named.class_id = pg_description.classoid
            and named.object_id = pg_description.objoid
            and named.column_number = pg_description.objsubid
),

entry as (
    select
        named.object_name,
        named.definition
    from named
    union all
    select
        granted.object_name,
        granted.definition
    from granted
    union all
    select
        commented.object_name,
        commented.definition
    from commented
)

select
    entry.object_name,
    entry.definition
from entry
order by entry.object_name, entry.definition;
