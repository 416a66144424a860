-- The grants on views, as statements. Citus creates the views of a distributed table again, with default privileges.
select
    format(
        'grant %s on %s to %s',
        string_agg(granted.privilege_type, ', ' order by granted.privilege_type),
        pg_class.oid::regclass,
        granted.grantee::regrole
    ) as statement
from pg_class
cross join aclexplode(pg_class.relacl) as granted
where
    pg_class.relkind = 'v'
    and pg_class.relnamespace = 'public'::regnamespace
    and granted.grantee <> 0
    and granted.grantee <> pg_class.relowner
group by pg_class.oid, granted.grantee
union all
select format('revoke all on %s from app_user, app_engine, app_service', pg_class.oid::regclass)
from pg_class
where
    pg_class.relkind = 'v'
    and pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relowner = (
        select account.relowner
        from pg_class as account
        where account.oid = to_regclass('public.users')
    )
    and not exists (
        select from pg_depend
        where
            pg_depend.objid = pg_class.oid
            and pg_depend.deptype = 'e'
    )
order by statement desc;
