-- The roles that own something in this database, have a grant or a policy in it: a dump can be restored only where they
-- exist.
--
-- @role app_service
select distinct pg_roles.rolname::text as role_name
from pg_roles
where
    pg_roles.oid in (
        select pg_shdepend.refobjid
        from pg_shdepend
        inner join pg_database on pg_database.datname = current_database()
        where
            pg_shdepend.refclassid = 'pg_authid'::regclass
            and (
                pg_shdepend.dbid = pg_database.oid
                or (pg_shdepend.classid = 'pg_database'::regclass and pg_shdepend.objid = pg_database.oid)
            )
    )
    -- The first superuser is not in that catalog.
    or pg_roles.oid in (
        select pg_class.relowner from pg_class
        where pg_class.relname = 'users'
    )
order by role_name;
