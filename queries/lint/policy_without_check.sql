-- Policies for writes without `with check`. PostgreSQL then uses `using` for both. That is correct today, and wrong as
-- soon as somebody widens what can be read.
select
    format('policy %s on %s', pg_policy.polname, pg_policy.polrelid::regclass) as object_name,
    'rows may be written without a check' as problem,
    'alter policy … with check (…)' as remedy
from pg_policy
where
    pg_policy.polcmd in ('*', 'a', 'w')
    and pg_policy.polwithcheck is null
order by object_name;
