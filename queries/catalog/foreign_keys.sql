-- The foreign keys of all tables, those with more columns first.
select
    pg_constraint.conrelid::regclass::text as table_name,
    array(
        select pg_attribute.attname::text
        from unnest(pg_constraint.conkey) with ordinality as referring (number, place)
        inner join pg_attribute
            on
                pg_attribute.attrelid = pg_constraint.conrelid
                and referring.number = pg_attribute.attnum
        order by referring.place
    ) as columns,
    pg_constraint.confrelid::regclass::text as referenced_table,
    array(
        select pg_attribute.attname::text
        from unnest(pg_constraint.confkey) with ordinality as referred (number, place)
        inner join pg_attribute
            on
                pg_attribute.attrelid = pg_constraint.confrelid
                and referred.number = pg_attribute.attnum
        order by referred.place
    ) as referenced_columns
from pg_constraint
where
    pg_constraint.contype = 'f'
    and pg_constraint.conparentid = 0
order by cardinality(pg_constraint.conkey) desc, table_name, pg_constraint.conname;
