-- Tables of which the service sees only some rows. The owner sees what the service sees, so commands that must see
-- every row refuse such a database. A table without any policy breaks another rule.
select
    pg_class.oid::regclass::text as object_name,
    'app_service has no policy by which it sees all rows' as problem,
    'create policy … for all to app_service using (true) with check (true)' as remedy
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_class.relkind in ('r', 'p')
    and not pg_class.relispartition
    and pg_class.relrowsecurity
    and pg_namespace.nspname !~ '^pg_'
    and to_regrole('app_service') is not null
    and exists (
        select from pg_policy
        where pg_policy.polrelid = pg_class.oid
    )
    and not exists (
        select from pg_policy
        cross join unnest(pg_policy.polroles) as policy_role (role_id)
        where
            pg_policy.polrelid = pg_class.oid
            and pg_policy.polpermissive
            and pg_policy.polcmd in ('r', '*')
            and pg_get_expr(pg_policy.polqual, pg_policy.polrelid) = 'true'
            and (
                policy_role.role_id = 0
                or pg_has_role(to_regrole('app_service')::oid, policy_role.role_id, 'usage')
            )
    )
order by object_name;
