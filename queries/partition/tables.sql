-- The tables that can be partitioned by learner, with their size, and what stands against it.
--
-- names  the tables to look at
select
    pg_class.relname::text as table_name,
    pg_class.relkind = 'p' as is_partitioned,
    greatest(pg_class.reltuples, 0)::bigint as live_rows,
    pg_total_relation_size(pg_class.oid) + coalesce(
        (
            select sum(pg_total_relation_size(member.relid))::bigint
            from pg_partition_tree(pg_class.oid) as member
            where member.isleaf
        ), 0
    ) as bytes,
    array(
        select pg_attribute.attname::text
        from pg_attribute
        where
            pg_attribute.attrelid = pg_class.oid
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
            and pg_attribute.attgenerated = ''
        order by pg_attribute.attnum
    ) as column_names,
    array(
        select pg_attribute.attname::text
        from pg_index
        inner join pg_attribute on pg_index.indrelid = pg_attribute.attrelid
        where
            pg_index.indrelid = pg_class.oid
            and pg_index.indisprimary
            and pg_attribute.attnum = any(pg_index.indkey)
        order by pg_attribute.attnum
    ) as key_names,
    array(
        select obstacle.told
        from (
            select pg_constraint.conrelid::regclass::text || ' references it: drop ' || pg_constraint.conname as told
            from pg_constraint
            where
                pg_constraint.confrelid = pg_class.oid
                and pg_constraint.contype = 'f'
                and pg_constraint.conparentid = 0
            union all
            select 'the unique index ' || pg_index.indexrelid::regclass::text || ' does not contain user_id' as told
            from pg_index
            inner join pg_attribute
                on pg_index.indrelid = pg_attribute.attrelid and pg_attribute.attname = 'user_id'
            where
                pg_index.indrelid = pg_class.oid
                and pg_index.indisunique
                and pg_attribute.attnum <> all(pg_index.indkey)
            union all
            select 'it has the exclusion constraint ' || pg_constraint.conname as told
            from pg_constraint
            where pg_constraint.conrelid = pg_class.oid and pg_constraint.contype = 'x'
            union all
            select 'the trigger ' || pg_trigger.tgname || ' is for each row and has transition tables' as told
            from pg_trigger
            where
                pg_trigger.tgrelid = pg_class.oid
                and not pg_trigger.tgisinternal
                and pg_trigger.tgtype & 1 = 1
                and (pg_trigger.tgoldtable is not null or pg_trigger.tgnewtable is not null)
            union all
            select 'the column ' || pg_attribute.attname || ' has a sequence' as told
            from pg_attribute
            where
                pg_attribute.attrelid = pg_class.oid
                and pg_attribute.attnum > 0
                and (
                    pg_attribute.attidentity <> ''
                    or pg_get_serial_sequence(pg_class.oid::regclass::text, pg_attribute.attname) is not null
                )
            union all
            select 'it inherits, or is inherited from' as told
            from pg_inherits
            where pg_class.relkind = 'r' and pg_class.oid in (pg_inherits.inhrelid, pg_inherits.inhparent)
            union all
            select 'the publication ' || pg_publication.pubname || ' names it' as told
            from pg_publication_rel
            inner join pg_publication on pg_publication_rel.prpubid = pg_publication.oid
            where pg_publication_rel.prrelid = pg_class.oid
            union all
            select 'it has the extended statistics ' || pg_statistic_ext.stxname as told
            from pg_statistic_ext
            where pg_statistic_ext.stxrelid = pg_class.oid
            union all
            select 'the rule or materialized view ' || pg_rewrite.ev_class::regclass::text || ' depends on it' as told
            from pg_depend
            inner join pg_rewrite on pg_depend.classid = 'pg_rewrite'::regclass and pg_depend.objid = pg_rewrite.oid
            inner join pg_class as dependent on pg_rewrite.ev_class = dependent.oid
            where
                pg_depend.refclassid = 'pg_class'::regclass
                and pg_depend.refobjid = pg_class.oid
                and dependent.relkind <> 'v'
        ) as obstacle
        order by obstacle.told
    ) as obstacles
from pg_class
where
    pg_class.relnamespace = to_regnamespace('public')
    and pg_class.relkind in ('r', 'p')
    and pg_class.relname = any(%(names)s::text[])
order by pg_class.relname;
