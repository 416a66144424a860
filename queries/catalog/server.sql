-- Objects of the whole server and of the database itself on which the application depends: its roles with their
-- memberships and settings, and the grants on the database. In the columns of the fingerprint.
with
application_role as (
    select
        pg_roles.oid,
        pg_roles.rolname,
        pg_roles.rolsuper,
        pg_roles.rolbypassrls,
        pg_roles.rolcreaterole,
        pg_roles.rolcreatedb,
        pg_roles.rolreplication,
        pg_roles.rolcanlogin,
        pg_roles.rolinherit
    from pg_roles
    where pg_roles.rolname in ('app_user', 'app_engine', 'app_service', 'skilltree_app')
),

entry as (
    select
        'role ' || application_role.rolname as object_name,
        concat_ws(
            ' ',
            case when application_role.rolsuper then 'superuser' end,
            case when application_role.rolbypassrls then 'bypassrls' end,
            case when application_role.rolcreaterole then 'createrole' end,
            case when application_role.rolcreatedb then 'createdb' end,
            case when application_role.rolreplication then 'replication' end,
            case when application_role.rolcanlogin then 'login' else 'nologin' end,
            case when application_role.rolinherit then 'inherit' else 'noinherit' end,
            'member of ' || (
                select
                    string_agg(
                        pg_auth_members.roleid::regrole::text
                        || case when pg_auth_members.admin_option then ' with admin option' else '' end,
                        ', ' order by pg_auth_members.roleid::regrole::text
                    )
                from pg_auth_members
                where pg_auth_members.member = application_role.oid
            )
        ) as definition
    from application_role
    union all
    select
        'settings of role ' || application_role.rolname as object_name,
        (
            select string_agg(setting, ', ' order by setting)
            from unnest(pg_db_role_setting.setconfig) as setting
            -- Operators may set the time limit of statements.
            where setting !~ '^[a-z_]+_timeout='
        ) as definition
    from application_role
    inner join pg_db_role_setting
        on
            application_role.oid = pg_db_role_setting.setrole
            and pg_db_role_setting.setdatabase = 0
    union all
    select
        'grants on the database' as object_name,
        (
            select
                string_agg(
                    coalesce(pg_roles.rolname, 'public') || ' ' || lower(privilege.privilege_type),
                    ', ' order by pg_roles.rolname, privilege.privilege_type
                )
            from aclexplode(coalesce(pg_database.datacl, acldefault('d', pg_database.datdba))) as privilege
            left join pg_roles on privilege.grantee = pg_roles.oid
            where
                privilege.grantee <> pg_database.datdba
                -- Operators may let other roles connect, for backups or monitoring.
                and (
                    privilege.privilege_type <> 'CONNECT'
                    or privilege.grantee = 0
                    or privilege.grantee in (select application_role.oid from application_role)
                )
        ) as definition
    from pg_database
    where pg_database.datname = current_database()
)

select
    entry.object_name,
    coalesce(entry.definition, '') as definition
from entry
order by entry.object_name;
