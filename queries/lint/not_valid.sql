-- Unfinished parts of a migration: constraints that are not validated, and indexes that no statement uses.
select
    format('constraint %s on %s', pg_constraint.conname, pg_constraint.conrelid::regclass) as object_name,
    'rows from before it need not meet it' as problem,
    'alter table … validate constraint …' as remedy
from pg_constraint
where
    not pg_constraint.convalidated
    and pg_constraint.contype in ('c', 'f', 'n')
union all
select
    pg_index.indexrelid::regclass::text as object_name,
    'it is invalid: `create index concurrently` failed' as problem,
    'drop index …, and create it again' as remedy
from pg_index
where not pg_index.indisvalid
order by object_name;
