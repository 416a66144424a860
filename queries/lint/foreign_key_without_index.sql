-- Foreign keys without an index that starts with their columns. Deleting a referenced row scans the referencing table.
select
    format('constraint %s on %s', pg_constraint.conname, pg_constraint.conrelid::regclass) as object_name,
    'no index begins with its columns' as problem,
    format(
        'create index on %s (%s)',
        pg_constraint.conrelid::regclass,
        (
            select string_agg(quote_ident(pg_attribute.attname), ', ' order by referring.place)
            from unnest(pg_constraint.conkey) with ordinality as referring (number, place)
            inner join pg_attribute
                on
                    pg_attribute.attrelid = pg_constraint.conrelid
                    and referring.number = pg_attribute.attnum
        )
    ) as remedy
from pg_constraint
where
    pg_constraint.contype = 'f'
    -- Those of partitions are their table's.
    and pg_constraint.conparentid = 0
    and not exists (
        select from pg_index
        where
            pg_index.indrelid = pg_constraint.conrelid
            and pg_index.indisvalid
            and pg_index.indpred is null
            and (pg_index.indkey::smallint[])[0:cardinality(pg_constraint.conkey) - 1] @> pg_constraint.conkey
    )
order by object_name;
