-- Every function that a statement can call, and its return type. Without uuidv7, which PostgreSQL 18 has itself.
select
    pg_proc.proname || '(' || pg_get_function_identity_arguments(pg_proc.oid) || ')' as signature,
    pg_get_function_result(pg_proc.oid) as result
from pg_proc
where
    pg_proc.pronamespace = 'public'::regnamespace
    and pg_proc.prorettype <> 'trigger'::regtype
    and pg_proc.proname <> 'uuidv7'
order by signature;
