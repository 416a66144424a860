-- Objects that a role of the application owns, and can therefore change or drop.
select
    pg_describe_object(pg_shdepend.classid, pg_shdepend.objid, pg_shdepend.objsubid) as object_name,
    format('%s owns it', pg_shdepend.refobjid::regrole) as problem,
    'alter … owner to who migrates' as remedy
from pg_shdepend
inner join pg_roles on pg_shdepend.refobjid = pg_roles.oid
where
    pg_shdepend.refclassid = 'pg_authid'::regclass
    and pg_shdepend.deptype = 'o'
    and pg_shdepend.dbid in (
        0, (
            select pg_database.oid from pg_database
            where pg_database.datname = current_database()
        )
    )
    and pg_roles.rolname in ('app_user', 'app_engine', 'app_service', 'skilltree_app')
order by object_name;
