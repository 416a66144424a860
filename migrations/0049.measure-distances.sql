-- How far the nodes of a graph lie from one of them, whatever the depth: a recursive query either carries along all
-- that it has met, which is quadratic, or meets a node again on every way to it.

-- The graph is given as two parallel arrays, edge i going from sources[i] to targets[i]. The distance of a node is the
-- number of edges on the shortest way to it. Breadth first, in time linear in the number of edges.
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

revoke execute on function distances_from(uuid, uuid[], uuid[]) from public;

grant execute on function distances_from(uuid, uuid[], uuid[]) to app_user;
