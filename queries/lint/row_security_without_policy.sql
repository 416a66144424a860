-- Tables with row-level security and no policy, which nobody can read. Partitions are read through their table's
-- policies.
select
    pg_class.oid::regclass::text as object_name,
    'row-level security without a policy: nobody sees a row' as problem,
    'create policy … to the roles that need it' as remedy
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_class.relkind in ('r', 'p')
    and not pg_class.relispartition
    and pg_class.relrowsecurity
    and pg_namespace.nspname !~ '^pg_'
    and not exists (
        select from pg_policy
        where pg_policy.polrelid = pg_class.oid
    )
order by object_name;
