-- The grants on views, as statements. Citus creates the views of a distributed table again, without them.
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
order by statement;
