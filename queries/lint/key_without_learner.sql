-- Keys of a learner's rows that do not start with the learner. They would be unique across learners, and a distributed
-- PostgreSQL could not check them.
select
    pg_index.indexrelid::regclass::text as object_name,
    format('the key of %s does not begin with user_id', pg_index.indrelid::regclass) as problem,
    'put user_id first' as remedy
from pg_index
inner join pg_class on pg_index.indrelid = pg_class.oid
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
inner join pg_attribute on pg_class.oid = pg_attribute.attrelid
where
    pg_index.indisunique
    and pg_attribute.attname = 'user_id'
    and pg_attribute.attnum <> pg_index.indkey[0]
    and pg_namespace.nspname <> 'information_schema'
    and pg_namespace.nspname !~ '^pg_'
    -- The part of a partitioned index is that index's.
    and not exists (
        select from pg_inherits
        where pg_inherits.inhrelid = pg_index.indexrelid
    )
order by object_name;
