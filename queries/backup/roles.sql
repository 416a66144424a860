-- The roles that own something in this database or have a grant or a policy in it, and those of the application: a dump
-- can be restored only where they exist. A grant on the database itself is not in a dump.
--
-- @role app_service
select distinct pg_roles.rolname::text as role_name
from pg_roles
where
    pg_roles.oid in (
        select pg_shdepend.refobjid
        from pg_shdepend
        inner join pg_database on pg_shdepend.dbid = pg_database.oid
        where
            pg_database.datname = current_database()
            and pg_shdepend.refclassid = 'pg_authid'::regclass
    )
    -- The first superuser is not in that catalog.
    or pg_roles.oid in (
        select pg_class.relowner from pg_class
        where pg_class.relname = 'users'
    )
    or pg_roles.rolname in ('app_user', 'app_engine', 'app_service', 'skilltree_app')
order by role_name;
