-- What an administrator must run before this role can migrate, if somebody else has created roles of SkillTree.
--
-- The role that migrates must always be a member of app_service. The other roles are checked until a migration has
-- granted them.
with
this_role as (
    select
        pg_roles.rolname,
        pg_roles.rolinherit,
        pg_roles.rolsuper,
        pg_roles.rolcreaterole,
        current_setting('server_version_num')::integer >= 160000 as has_admins,
        to_regprocedure('public.begin_as_service(uuid)') is not null as roles_are_granted
    from pg_roles
    where pg_roles.rolname = current_user
),

role_there as (
    select
        pg_roles.oid,
        pg_roles.rolname,
        pg_roles.rolsuper or pg_roles.rolbypassrls as sees_through,
        -- So that this role can grant it and change its settings.
        this_role.rolsuper
        or (this_role.rolcreaterole and not this_role.has_admins)
        or pg_has_role(pg_roles.oid, 'member with admin option') as is_grantable,
        this_role.rolsuper
        or (
            this_role.rolcreaterole
            and (not this_role.has_admins or pg_has_role(pg_roles.oid, 'member with admin option'))
        ) as is_changeable
    from pg_roles
    cross join this_role
    where pg_roles.rolname in ('app_user', 'app_engine', 'app_service', 'skilltree_app')
),

obstacle as (
    select
        1 as place,
        case
            when not this_role.rolinherit and not this_role.has_admins
                then 'alter role ' || quote_ident(this_role.rolname) || ' inherit; '
            else ''
        end
        || 'grant app_service to ' || quote_ident(this_role.rolname)
        || case when not this_role.rolinherit and this_role.has_admins then ' with inherit true' else '' end
            as statement
    from this_role
    cross join role_there
    where
        role_there.rolname = 'app_service'
        and not pg_has_role(role_there.oid, 'usage')
        and not (role_there.is_grantable and this_role.rolinherit)
    union all
    select
        2 as place,
        'alter role ' || role_there.rolname || ' nosuperuser nobypassrls' as statement
    from role_there
    cross join this_role
    where role_there.sees_through and not this_role.roles_are_granted
    union all
    select
        3 as place,
        'grant ' || wanted.role_name || ' to ' || wanted.member_name as statement
    from (
        values
        ('app_user', 'app_engine'),
        ('app_engine', 'app_service'),
        ('app_user', 'skilltree_app'),
        ('app_service', 'skilltree_app')
    ) as wanted (role_name, member_name)
    inner join role_there on wanted.role_name = role_there.rolname
    cross join this_role
    where
        not this_role.roles_are_granted
        and not role_there.is_grantable
        and not exists (
            select from pg_auth_members
            where
                pg_auth_members.roleid = role_there.oid
                and pg_auth_members.member = to_regrole(wanted.member_name)
        )
    union all
    select
        4 as place,
        'alter role skilltree_app set role = app_user' as statement
    from this_role
    where
        not this_role.roles_are_granted
        and exists (
            select from role_there
            where role_there.rolname in ('skilltree_app', 'app_service') and not role_there.is_changeable
        )
        and not exists (
            select from pg_db_role_setting
            where
                pg_db_role_setting.setrole = to_regrole('skilltree_app')
                and pg_db_role_setting.setdatabase = 0
        )
)

select obstacle.statement
from obstacle
order by
    obstacle.place,
    obstacle.statement;
