-- Loses nothing: every array is looked at with a statement again.

create or replace function is_id_set(ids uuid[]) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, public
as $$
begin
    return coalesce(array_ndims(ids), 1) = 1
        and array_position(ids, null) is null
        and (select count(distinct id) = cardinality(ids) from unnest(ids) as id);
end
$$;

create or replace function is_text_list(items text[], most_items integer, most_characters integer) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, public
as $$
begin
    return coalesce(array_ndims(items), 1) = 1
        and cardinality(items) <= most_items
        and array_position(items, null) is null
        and not exists (
            select from unnest(items) as item where char_length(item) not between 1 and most_characters
        );
end
$$;
