-- The names of our functions that are volatile, so that calling them may write.
select distinct pg_proc.proname::text as function_name
from pg_proc
where
    pg_proc.pronamespace = 'public'::regnamespace
    and pg_proc.provolatile = 'v'
    and pg_proc.prorettype <> 'trigger'::regtype
    and pg_proc.proname <> 'uuidv7'
order by function_name;
