-- Roles of the application with rights beyond their grants on tables and functions.
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

found as (
    select
        application_role.rolname as role_name,
        attribute.problem,
        attribute.remedy
    from application_role
    cross join
        lateral (
            values
            (application_role.rolsuper, 'it is a superuser', 'nosuperuser'),
            (application_role.rolbypassrls, 'it sees through row-level security', 'nobypassrls'),
            (application_role.rolcreaterole, 'it may create roles', 'nocreaterole'),
            (application_role.rolcreatedb, 'it may create databases', 'nocreatedb'),
            (application_role.rolreplication, 'it may read the replication stream', 'noreplication'),
            (
                application_role.rolcanlogin
                and application_role.rolname <> 'skilltree_app'
                -- On a distributed server (Citus), the coordinator logs in as each of them.
                and to_regclass('pg_catalog.pg_dist_partition') is null,
                'it may log in',
                'nologin'
            ),
            (
                application_role.rolinherit and application_role.rolname = 'skilltree_app',
                'it has all of its rights at once, without taking a role',
                'noinherit'
            )
        ) as attribute (is_so, problem, remedy)
    where attribute.is_so
    union all
    select
        application_role.rolname as role_name,
        format('it is a member of %s', pg_auth_members.roleid::regrole) as problem,
        format('revoke %s from', pg_auth_members.roleid::regrole) as remedy
    from application_role
    inner join pg_auth_members on application_role.oid = pg_auth_members.member
    where
        pg_auth_members.admin_option
        or pg_auth_members.roleid not in (select own_role.oid from application_role as own_role)
)

select
    found.role_name as object_name,
    found.problem,
    case
        when found.remedy like 'revoke %' then found.remedy || ' ' || found.role_name
        else format('alter role %s %s', found.role_name, found.remedy)
    end as remedy
from found
order by object_name, found.problem;
