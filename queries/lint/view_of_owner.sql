-- Views that check the privileges of their owner instead of their reader. Materialized views always do.
select
    pg_class.oid::regclass::text as object_name,
    case pg_class.relkind
        when 'm' then 'it holds what its owner saw'
        else 'it shows what its owner sees'
    end as problem,
    case pg_class.relkind
        when
            'm'
            then 'make it a view with security_invoker, or grant it to nobody and add an exception that says so'
        else 'alter view … set (security_invoker = true)'
    end as remedy
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_class.relkind in ('v', 'm')
    and pg_namespace.nspname <> 'information_schema'
    and pg_namespace.nspname !~ '^pg_'
    and not exists (
        select from pg_options_to_table(pg_class.reloptions) as option
        where option.option_name = 'security_invoker' and option.option_value::boolean
    )
    and not exists (
        select from pg_depend
        where
            pg_depend.classid = 'pg_class'::regclass
            and pg_depend.objid = pg_class.oid
            and pg_depend.deptype = 'e'
    )
order by object_name;
