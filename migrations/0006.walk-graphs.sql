-- Functions that walk graphs of any depth. A graph is given as two parallel arrays: edge i goes from sources[i] to
-- targets[i]. Each function takes time linear in the number of edges. A recursive query takes longer: either it carries
-- along all visited nodes, which takes quadratic time, or it visits a node again on every path to it.
--
-- EXPLAIN does not show the statements inside a function. So no function here reads a table: a query file reads the
-- edges and passes them on.

-- The nodes of a graph, with their levels. The level of a node is the number of edges on the longest path from it, or
-- null if the path leads into a cycle and never ends. Kahn's algorithm (Communications of the ACM 5, 1962): nodes whose
-- targets have all been removed are removed, until no such node is left.
create function topological_levels(sources uuid[], targets uuid[]) returns table (id uuid, level integer)
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
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
                -- The queue is in the order of levels, so the target that is removed last has the highest level.
                levels[source] := levels[node] + 1;
                queue := array_append(queue, source);
            end if;
        end loop;
        head := head + 1;
    end loop;

    return query select result.id, result.level from unnest(nodes, levels) as result (id, level);
end
$$;

-- A cycle of a graph, starting and ending with the same node; null if there is none. Every node without a level has a
-- target without a level. So following these targets must come back to a visited node.
create function find_cycle(sources uuid[], targets uuid[]) returns uuid[]
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
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

-- The nodes that can be reached from `start`, with their distances: the number of edges on the shortest path. The
-- search is breadth-first.
create function distances_from(start uuid, sources uuid[], targets uuid[]) returns table (id uuid, distance integer)
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
set jit = off
as $$
declare
    nodes uuid[];
    distances integer[];
    leaving integer[];
    first_leaving integer[] := '{}';
    target_of integer[];
    queue integer[];
    next_edge integer := 1;
    head integer := 1;
    node integer;
    target integer;
begin
    with
    node as (
        select
            found.id,
            row_number() over (order by found.id)::integer as number
        from (
            select start as id
            union
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
            coalesce(leaving.edges, 0) as leaving
        from node
        left join (select edge.source, count(*)::integer as edges from edge group by edge.source) as leaving
            on leaving.source = node.number
    )

    select
        array_agg(degree.id order by degree.number),
        array_agg(null::integer),
        array_agg(degree.leaving order by degree.number),
        array_agg(degree.number) filter (where degree.id = start),
        (select array_agg(edge.target order by edge.source, edge.target) from edge)
    into nodes, distances, leaving, queue, target_of
    from degree;

    for number in 1 .. cardinality(nodes) loop
        first_leaving[number] := next_edge;
        next_edge := next_edge + leaving[number];
    end loop;

    distances[queue[1]] := 0;
    while head <= cardinality(queue) loop
        node := queue[head];
        for edge in first_leaving[node] .. first_leaving[node] + leaving[node] - 1 loop
            target := target_of[edge];
            if distances[target] is null then
                distances[target] := distances[node] + 1;
                queue := array_append(queue, target);
            end if;
        end loop;
        head := head + 1;
    end loop;

    return query
        select result.id, result.distance
        from unnest(nodes, distances) as result (id, distance)
        where result.distance is not null;
end
$$;

-- The nodes that can be reached from `start` on paths that end at the nodes in `ends`, including `start`, with their
-- levels. The level of a node is the number of edges on the longest path from it among the reached nodes. For a level,
-- an edge from a node in `ends` counts, too, if its target is reached on another path.
--
-- A breadth-first search finds the nodes, then a depth-first search finds the levels. The constraints of `skills` allow
-- no cycle. With a cycle the function would also end, but its levels would be meaningless.
create function way_to(start uuid, sources uuid[], targets uuid[], ends uuid[]) returns table (id uuid, level integer)
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
set jit = off
as $$
declare
    nodes uuid[];
    is_end boolean[];
    source_of integer[];
    target_of integer[];
    next_edge integer[] := '{}';
    last_edge integer[] := '{}';
    -- Null: not yet reached. True: reached. False: its edges are being followed or have been followed.
    is_ahead boolean[] := '{}';
    levels integer[];
    path integer[];
    place integer := 1;
    node integer;
    target integer;
begin
    if sources is null or cardinality(sources) = 0 then
        return query select start, 0;
        return;
    end if;

    -- Each node gets a number. The edges from a node are next to each other.
    with
    node as materialized (
        select
            found.id,
            row_number() over ()::integer as number
        from (
            select start as id
            union
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
        order by source.number
    )

    select
        (select array_agg(node.id order by node.number) from node),
        (
            select array_agg(node.id in (select end_id from unnest(ends) as end_id) order by node.number)
            from node
        ),
        (select array[node.number] from node where node.id = start),
        array_agg(edge.source),
        array_agg(edge.target)
    into nodes, is_end, path, source_of, target_of
    from edge;

    for edge in 1 .. cardinality(source_of) loop
        node := source_of[edge];
        if next_edge[node] is null then
            next_edge[node] := edge;
        end if;
        last_edge[node] := edge;
    end loop;

    is_ahead[path[1]] := true;
    while place <= cardinality(path) loop
        node := path[place];
        place := place + 1;
        continue when is_end[node] or next_edge[node] is null;
        for edge in next_edge[node] .. last_edge[node] loop
            target := target_of[edge];
            if is_ahead[target] is null then
                is_ahead[target] := true;
                path := array_append(path, target);
            end if;
        end loop;
    end loop;

    levels := array_fill(null::integer, array[cardinality(nodes)]);
    place := 1;
    is_ahead[path[1]] := false;
    while place > 0 loop
        node := path[place];
        if next_edge[node] <= last_edge[node] then
            target := target_of[next_edge[node]];
            if is_ahead[target] then
                is_ahead[target] := false;
                place := place + 1;
                path[place] := target;
            else
                next_edge[node] := next_edge[node] + 1;
                levels[node] := greatest(levels[node], levels[target] + 1);
            end if;
        else
            levels[node] := coalesce(levels[node], 0);
            place := place - 1;
        end if;
    end loop;

    return query
        select met.id, met.level
        from unnest(nodes, levels) as met (id, level)
        where met.level is not null;
end
$$;
