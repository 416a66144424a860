-- Roles that migrate, if everybody may use functions and types that they create. That is PostgreSQL's default unless it
-- is revoked for the whole database.
select
    format('what %s adds later', owner.role_id::regrole) as object_name,
    format('everybody may use the %s', kind.name) as problem,
    format('alter default privileges revoke all on %s from public', kind.name) as remedy
from (
    select distinct pg_class.relowner as role_id
    from pg_class
    inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
    where
        pg_class.relkind in ('r', 'p')
        and pg_namespace.nspname <> 'information_schema'
        and pg_namespace.nspname !~ '^pg_'
) as owner
cross join (values ('f'::char, 'routines'), ('T'::char, 'types')) as kind (code, name)
where
    not exists (
        select from pg_default_acl
        where
            pg_default_acl.defaclrole = owner.role_id
            and pg_default_acl.defaclnamespace = 0
            and kind.code = pg_default_acl.defaclobjtype
    )
order by object_name, problem;
