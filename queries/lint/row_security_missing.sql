-- Tables and partitions that show all rows to their owner or to every role with a grant.
select
    pg_class.oid::regclass::text as object_name,
    case
        when pg_class.relrowsecurity then 'row-level security does not hold for the owner'
        else 'there is no row-level security'
    end as problem,
    'alter table … enable row level security; alter table … force row level security' as remedy
from pg_class
inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
where
    pg_class.relkind in ('r', 'p')
    and not (pg_class.relrowsecurity and pg_class.relforcerowsecurity)
    and pg_namespace.nspname <> 'information_schema'
    and pg_namespace.nspname !~ '^pg_'
    and not exists (
        select from pg_depend
        where
            pg_depend.classid = 'pg_class'::regclass
            and pg_depend.objid = pg_class.oid
            and pg_depend.deptype = 'e'
    )
order by object_name;
