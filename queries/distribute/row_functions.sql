-- The functions that take a row of a table. The workers get them only once they have the table.
select pg_get_functiondef(pg_proc.oid) as definition
from pg_proc
where
    pg_proc.proname = 'audit_image'
    and pg_proc.pronamespace = 'public'::regnamespace
order by definition;
