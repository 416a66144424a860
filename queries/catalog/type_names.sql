-- The names of types.
select
    kind.oid,
    format_type(kind.oid, null) as type_name
from unnest(%(oids)s::oid[]) as kind (oid);
