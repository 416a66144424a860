-- The statements that separate a schema of partitioning from the tables in use, in their order: triggers on them that
-- call its functions, and foreign keys to them. Each locks one of those tables.
--
-- schema  skilltree_partition or skilltree_unpartitioned
select
    made.statement,
    made.locked_table
from (
    select
        1 as place,
        pg_trigger.tgrelid::regclass::text as name,
        format('drop trigger %%I on %%s', pg_trigger.tgname, pg_trigger.tgrelid::regclass) as statement,
        pg_trigger.tgrelid::regclass::text as locked_table
    from pg_trigger
    inner join pg_proc on pg_trigger.tgfoid = pg_proc.oid
    where
        pg_proc.pronamespace = to_regnamespace(%(schema)s)
        and pg_trigger.tgparentid = 0
    union all
    select
        2 as place,
        pg_constraint.conrelid::regclass::text || pg_constraint.conname as name,
        format('alter table %%s drop constraint %%I', pg_constraint.conrelid::regclass, pg_constraint.conname),
        pg_constraint.confrelid::regclass::text
    from pg_constraint
    where
        pg_constraint.connamespace = to_regnamespace(%(schema)s)
        and pg_constraint.contype = 'f'
        and pg_constraint.conparentid = 0
) as made
order by made.place, made.name;
