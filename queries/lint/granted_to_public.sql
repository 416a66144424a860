-- Privileges of every role, including future ones: granted explicitly, or by default.
with
guarded as (
    select
        'database ' || current_database() as object_name,
        coalesce(pg_database.datacl, acldefault('d', pg_database.datdba)) as privileges
    from pg_database
    where pg_database.datname = current_database()
    union all
    select
        'schema ' || pg_namespace.nspname as object_name,
        coalesce(pg_namespace.nspacl, acldefault('n', pg_namespace.nspowner)) as privileges
    from pg_namespace
    where
        pg_namespace.nspname <> 'information_schema'
        and pg_namespace.nspname !~ '^pg_'
    union all
    select
        pg_class.oid::regclass::text as object_name,
        pg_class.relacl as privileges
    from pg_class
    inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
    where
        pg_namespace.nspname <> 'information_schema'
        and pg_namespace.nspname !~ '^pg_'
    union all
    select
        format('%s.%I', pg_class.oid::regclass, pg_attribute.attname) as object_name,
        pg_attribute.attacl as privileges
    from pg_class
    inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
    inner join pg_attribute on pg_class.oid = pg_attribute.attrelid
    where
        pg_namespace.nspname <> 'information_schema'
        and pg_namespace.nspname !~ '^pg_'
    union all
    select
        pg_proc.oid::regprocedure::text as object_name,
        coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner)) as privileges
    from pg_proc
    inner join pg_namespace on pg_proc.pronamespace = pg_namespace.oid
    where
        pg_namespace.nspname <> 'information_schema'
        and pg_namespace.nspname !~ '^pg_'
        and not exists (
            select from pg_depend
            where
                pg_depend.classid = 'pg_proc'::regclass
                and pg_depend.objid = pg_proc.oid
                and pg_depend.deptype = 'e'
        )
    union all
    select
        'type ' || format_type(pg_type.oid, null) as object_name,
        coalesce(pg_type.typacl, acldefault('T', pg_type.typowner)) as privileges
    from pg_type
    inner join pg_namespace on pg_type.typnamespace = pg_namespace.oid
    left join pg_class on pg_type.typrelid = pg_class.oid
    where
        (pg_type.typtype in ('e', 'd', 'r') or pg_class.relkind = 'c')
        and pg_namespace.nspname <> 'information_schema'
        and pg_namespace.nspname !~ '^pg_'
        and not exists (
            select from pg_depend
            where
                pg_depend.classid = 'pg_type'::regclass
                and pg_depend.objid = pg_type.oid
                and pg_depend.deptype = 'e'
        )
    union all
    select
        format('what %s adds later (%s)', pg_default_acl.defaclrole::regrole, pg_default_acl.defaclobjtype)
            as object_name,
        pg_default_acl.defaclacl as privileges
    from pg_default_acl
)

select
    guarded.object_name,
    'everybody may ' || string_agg(lower(privilege.privilege_type), ', ' order by privilege.privilege_type) as problem,
    'revoke … from public, and grant it to the roles that need it' as remedy
from guarded
cross join aclexplode(guarded.privileges) as privilege
where privilege.grantee = 0
group by guarded.object_name
order by guarded.object_name;
