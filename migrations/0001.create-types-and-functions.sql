-- The words the schema is written in: seven enums and the few functions that its defaults, checks and triggers call.

create type difficulty_level as enum ('BEGINNER', 'INTERMEDIATE', 'ADVANCED', 'EXPERT');

create type skill_type as enum ('KNOWLEDGE', 'PRACTICAL', 'PROJECT', 'ASSESSMENT', 'MILESTONE');

create type tree_progress_status as enum ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED', 'PAUSED');

create type skill_progress_status as enum ('LOCKED', 'AVAILABLE', 'IN_PROGRESS', 'COMPLETED', 'SKIPPED');

create type completion_method as enum ('MANUAL', 'ASSESSMENT', 'PROJECT', 'TIME_BASED', 'EXTERNAL');

create type achievement_category as enum ('PROGRESS', 'STREAK', 'EXPLORATION', 'MASTERY', 'SOCIAL', 'TIME');

create type achievement_rarity as enum ('COMMON', 'UNCOMMON', 'RARE', 'LEGENDARY');

-- PostgreSQL 18 has uuidv7(). Before that, RFC 9562 section 5.7 with its method 3: 48 bits of milliseconds, then
-- 12 bits of the fraction of a millisecond, so that the ids of one session come out in the order they were made.
do $create_uuidv7$
begin
    if to_regprocedure('pg_catalog.uuidv7()') is null then
        execute $uuidv7$
            create function uuidv7() returns uuid
            language plpgsql volatile parallel safe
            set search_path = pg_catalog
            as $body$
            declare
                microseconds bigint := (extract(epoch from clock_timestamp()) * 1000000)::bigint;
                id bytea := uuid_send(gen_random_uuid());
                fraction integer := ((microseconds % 1000) * 4096 / 1000)::integer;
            begin
                id := overlay(id placing substring(int8send(microseconds / 1000) from 3) from 1 for 6);
                id := set_byte(id, 6, 112 | (fraction >> 8));
                id := set_byte(id, 7, fraction & 255);
                return encode(id, 'hex')::uuid;
            end
            $body$
        $uuidv7$;
    end if;
end
$create_uuidv7$;

create function set_updated_at() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
begin
    new.updated_at := now();
    return new;
end
$$;

-- An array that stands for a set of ids: one dimension, no null, nothing twice.
create function is_id_set(ids uuid[]) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, public
as $$
begin
    return coalesce(array_ndims(ids), 1) = 1
        and array_position(ids, null) is null
        and (select count(distinct id) = cardinality(ids) from unnest(ids) as id);
end
$$;

-- A list of short texts, such as tags: one dimension, no null, none empty, none longer than the limit.
create function is_text_list(items text[], most_items integer, most_characters integer) returns boolean
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

-- Names of the IANA database only. PostgreSQL itself also takes abbreviations and POSIX rules such as 'FOO3', which
-- know no daylight-saving time. Reading all of pg_timezone_names takes tens of milliseconds, hence the short cut for
-- UTC and the refusal, without looking, of what PostgreSQL does not take at all.
create function is_iana_timezone(name text) returns boolean
language plpgsql stable strict parallel safe
set search_path = pg_catalog, public
as $$
begin
    if name = 'UTC' then
        return true;
    end if;
    perform timezone(name, now());
    return exists (select from pg_timezone_names where pg_timezone_names.name = is_iana_timezone.name);
exception
    when invalid_parameter_value then
        return false;
end
$$;

-- The nodes of a directed graph given as two parallel arrays, edge i going from sources[i] to targets[i]. The level of
-- a node is the number of edges on the longest way from it; null where that way never ends, because it leads into a
-- cycle. Kahn's algorithm (Communications of the ACM 5, 1962): nodes without an open target are removed until none is
-- left, in time linear in the number of edges, whatever the depth.
create function topological_levels(sources uuid[], targets uuid[]) returns table (id uuid, level integer)
language plpgsql immutable parallel safe
set search_path = pg_catalog, public
set jit = off
as $$
declare
    nodes uuid[];
    levels integer[];
    open_targets integer[];
    incoming integer[];
    first_incoming integer[] := '{}';
    source_of integer[];
    queue integer[];
    next_edge integer := 1;
    head integer := 1;
    node integer;
    source integer;
begin
    if cardinality(sources) = 0 then
        return;
    end if;

    with
    node as (
        select
            found.id,
            row_number() over (order by found.id)::integer as number
        from (
            select source_id as id from unnest(sources) as source_id
            union
            select target_id as id from unnest(targets) as target_id
        ) as found
    ),

    edge as (
        select
            source.number as source,
            target.number as target
        from unnest(sources, targets) as pair (source_id, target_id)
        inner join node as source on source.id = pair.source_id
        inner join node as target on target.id = pair.target_id
    ),

    degree as (
        select
            node.id,
            node.number,
            coalesce(leaving.edges, 0) as leaving,
            coalesce(arriving.edges, 0) as arriving
        from node
        left join (select edge.source, count(*)::integer as edges from edge group by edge.source) as leaving
            on leaving.source = node.number
        left join (select edge.target, count(*)::integer as edges from edge group by edge.target) as arriving
            on arriving.target = node.number
    )

    select
        array_agg(degree.id order by degree.number),
        array_agg(null::integer),
        array_agg(degree.leaving order by degree.number),
        array_agg(degree.arriving order by degree.number),
        coalesce(array_agg(degree.number order by degree.number) filter (where degree.leaving = 0), '{}'),
        (select array_agg(edge.source order by edge.target) from edge)
    into nodes, levels, open_targets, incoming, queue, source_of
    from degree;

    for number in 1 .. cardinality(nodes) loop
        first_incoming[number] := next_edge;
        next_edge := next_edge + incoming[number];
    end loop;

    foreach node in array queue loop
        levels[node] := 0;
    end loop;

    while head <= cardinality(queue) loop
        node := queue[head];
        for edge in first_incoming[node] .. first_incoming[node] + incoming[node] - 1 loop
            source := source_of[edge];
            open_targets[source] := open_targets[source] - 1;
            if open_targets[source] = 0 then
                -- The last target to be removed is one of the highest, since the queue is in the order of the levels.
                levels[source] := levels[node] + 1;
                queue := array_append(queue, source);
            end if;
        end loop;
        head := head + 1;
    end loop;

    return query select result.id, result.level from unnest(nodes, levels) as result (id, level);
end
$$;

-- One cycle of a graph given in the same way, starting and ending with the same node; null when there is none. Every
-- node whose way never ends has such a target too, so that following those must come round.
create function find_cycle(sources uuid[], targets uuid[]) returns uuid[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, public
set jit = off
as $$
declare
    endless uuid[];
    next_of uuid[];
    node uuid;
    path uuid[] := '{}';
begin
    with endless_node as (
        select result.id
        from topological_levels(sources, targets) as result (id, level)
        where result.level is null
    ),

    next_step as (
        select distinct on (edge.source_id)
            edge.source_id,
            edge.target_id
        from unnest(sources, targets) as edge (source_id, target_id)
        inner join endless_node as source on source.id = edge.source_id
        inner join endless_node as target on target.id = edge.target_id
        order by edge.source_id, edge.target_id
    )

    select
        array_agg(next_step.source_id order by next_step.source_id),
        array_agg(next_step.target_id order by next_step.source_id)
    into endless, next_of
    from next_step;

    if endless is null then
        return null;
    end if;

    node := endless[1];
    while array_position(path, node) is null loop
        path := array_append(path, node);
        node := next_of[array_position(endless, node)];
    end loop;
    return path[array_position(path, node):] || node;
end
$$;
