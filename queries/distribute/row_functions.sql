-- The functions that take a row of a table, as statements that drop them and create them again. Citus would leave them
-- with the table that a distributed one replaces.
select
    format('drop function %s', pg_proc.oid::regprocedure) as drop_statement,
    pg_get_functiondef(pg_proc.oid) as definition,
    format('revoke all on function %s from public', pg_proc.oid::regprocedure) as revocation,
    array(
        select format('grant execute on function %s to %s', pg_proc.oid::regprocedure, granted.grantee::regrole)
        from aclexplode(pg_proc.proacl) as granted
        where granted.grantee <> 0
        order by granted.grantee
    ) as grants
from pg_proc
where
    pg_proc.proname = 'audit_image'
    and pg_proc.pronamespace = 'public'::regnamespace
order by drop_statement;
