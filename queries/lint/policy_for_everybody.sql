-- Policies that name no role.
select
    format('policy %s on %s', pg_policy.polname, pg_policy.polrelid::regclass) as object_name,
    'it holds for every role, those to come included' as problem,
    'create policy … to app_user, or whichever role it is for' as remedy
from pg_policy
where 0 = any(pg_policy.polroles)
order by object_name;
