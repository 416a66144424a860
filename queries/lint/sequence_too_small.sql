-- Sequences that a busy table can exhaust.
select
    pg_sequence.seqrelid::regclass::text as object_name,
    format('it ends at %s', pg_sequence.seqmax) as problem,
    'make it, and the column it feeds, a bigint' as remedy
from pg_sequence
inner join pg_class on pg_sequence.seqrelid = pg_class.oid
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_sequence.seqmax <= 2147483647
    and not pg_sequence.seqcycle
    and pg_namespace.nspname <> 'information_schema'
    and pg_namespace.nspname !~ '^pg_'
order by object_name;
