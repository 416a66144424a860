-- Indexes that another index of the table makes redundant: its columns start with theirs, in the same order and
-- direction. Of two equal indexes, the one whose name comes later is reported. Unique indexes are needed.
with described as (
    select
        pg_index.indexrelid,
        pg_index.indrelid,
        pg_index.indisunique,
        pg_index.indnkeyatts,
        pg_class.relname,
        pg_class.relam,
        pg_get_expr(pg_index.indpred, pg_index.indrelid) as predicate,
        array(
            select
                format(
                    '%s %s %s %s',
                    pg_get_indexdef(pg_index.indexrelid, place, false),
                    pg_index.indclass[place - 1],
                    pg_index.indcollation[place - 1],
                    pg_index.indoption[place - 1]
                )
            from generate_series(1, pg_index.indnkeyatts) as place
            order by place
        ) as keys,
        array(
            select pg_index.indkey[place - 1]
            from generate_series(pg_index.indnkeyatts + 1, pg_index.indnatts) as place
            order by place
        ) as included
    from pg_index
    inner join pg_class on pg_index.indexrelid = pg_class.oid
    inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
    where
        pg_namespace.nspname <> 'information_schema'
        and pg_namespace.nspname !~ '^pg_'
        -- The part of a partitioned index is that index's.
        and not pg_class.relispartition
)

select
    needless.indexrelid::regclass::text as object_name,
    format('%s serves the same look-ups', min(other.indexrelid::regclass::text)) as problem,
    'drop index concurrently …, or write down in skilltree.migrate.lint what it is for' as remedy
from described as needless
inner join described as other
    on
        needless.indrelid = other.indrelid
        and needless.relam = other.relam
        and needless.indexrelid <> other.indexrelid
        and needless.predicate is not distinct from other.predicate
        and needless.keys = other.keys[:needless.indnkeyatts]
        and needless.included <@ other.included
where
    not needless.indisunique
    and (needless.keys <> other.keys or other.indisunique or needless.relname > other.relname)
group by needless.indexrelid
order by object_name;
