-- The size of an index or table as it was last measured by VACUUM, ANALYZE or REINDEX.
select pg_class.relpages * current_setting('block_size')::bigint as bytes
from pg_class
where
    pg_class.relnamespace = to_regnamespace('public')
    and pg_class.relname = %(name)s;
