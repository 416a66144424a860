-- The way to a node in one call, where a statement asked first what lies on it and then in which order: a call costs
-- more than a small graph does.

-- The nodes of a graph that are met on the ways out from `start`, itself included, and the level of each: the number of
-- edges on the longest way from it, among those that are met. The graph is given as two parallel arrays, edge i going
-- from sources[i] to targets[i]. `ends` are nodes that no way leads on from; an edge from one of them still counts
-- where both its nodes are met.
--
-- Breadth first for what is met, then depth first for the levels, in time linear in the number of edges, whatever the
-- depth. The constraints of `skills` leave no cycle; one would end the call, too, with levels that say nothing.
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
    -- Null is not met, true is met, false is followed.
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

    -- Nodes are known by a number, and the edges that leave a node stand side by side.
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

revoke execute on function way_to(uuid, uuid[], uuid[], uuid[]) from public;

grant execute on function way_to(uuid, uuid[], uuid[], uuid[]) to app_user;
