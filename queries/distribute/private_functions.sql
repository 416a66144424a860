-- The functions that not everybody may call, as statements that revoke it.
select format('revoke all on function %s from public', pg_proc.oid::regprocedure) as revocation
from pg_proc
where
    pg_proc.pronamespace = 'public'::regnamespace
    and pg_proc.prokind = 'f'
    and pg_proc.proacl is not null
    and not exists (
        select from aclexplode(pg_proc.proacl) as granted
        where granted.grantee = 0
    )
    and not exists (
        select from pg_depend
        where
            pg_depend.classid = 'pg_proc'::regclass
            and pg_depend.objid = pg_proc.oid
            and pg_depend.deptype = 'e'
    )
order by revocation;
