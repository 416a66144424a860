-- What must hold between trees when a transaction commits: every prerequisite is a tree, and prerequisites form no
-- cycle. There are few trees and they change seldom, so one lock serves for all.

create function verify_tree_prerequisites() returns trigger
language plpgsql
set search_path = pg_catalog, public
as $$
declare
    wrong record;
    cycle uuid[];
begin
    if tg_op = 'UPDATE' and new.id = old.id and new.prerequisites = old.prerequisites then
        return null;
    end if;

    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'tree prerequisites cannot be edited at isolation level %',
            current_setting('transaction_isolation')
            using errcode = 'feature_not_supported', constraint = 'skill_trees_graph_isolation',
            hint = 'Edit them in a READ COMMITTED transaction.';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('tree prerequisites', 0));

    if tg_op <> 'INSERT' then
        select skill_trees.id into wrong
        from skill_trees
        where skill_trees.prerequisites @> array[old.id]
            and not exists (select from skill_trees as still where still.id = old.id)
        order by skill_trees.id
        limit 1;
        if found then
            raise exception 'tree % is gone but still a prerequisite of tree %', old.id, wrong.id
                using errcode = 'foreign_key_violation', constraint = 'skill_trees_prerequisites_exist',
                detail = jsonb_build_array(old.id), hint = 'Remove it from their prerequisites first.';
        end if;
    end if;
    if tg_op = 'DELETE' then
        return null;
    end if;

    select jsonb_agg(prerequisite.id) as missing into wrong
    from skill_trees
    cross join unnest(skill_trees.prerequisites) as prerequisite (id)
    where skill_trees.id = new.id
        and not exists (select from skill_trees as known where known.id = prerequisite.id);
    if wrong.missing is not null then
        raise exception 'tree % has prerequisites that do not exist', new.id
            using errcode = 'foreign_key_violation', constraint = 'skill_trees_prerequisites_exist',
            detail = wrong.missing, hint = 'Prerequisites are ids of trees.';
    end if;

    with recursive
    leading_to as (
        select skill_trees.id, skill_trees.prerequisites
        from skill_trees
        where skill_trees.id = new.id
        union
        select skill_trees.id, skill_trees.prerequisites
        from leading_to
        cross join unnest(leading_to.prerequisites) as prerequisite (id)
        inner join skill_trees on skill_trees.id = prerequisite.id
    )

    select find_cycle(
        coalesce(array_agg(leading_to.id), '{}'),
        coalesce(array_agg(prerequisite.id), '{}')
    )
    into cycle
    from leading_to
    cross join unnest(leading_to.prerequisites) as prerequisite (id);
    if cycle is not null then
        raise exception 'prerequisite cycle: %', (
            select string_agg(skill_trees.name, ' → ' order by step.place) || case when cardinality(cycle) > 12 then ' → …' else '' end
            from unnest(cycle[:12]) with ordinality as step (id, place)
            inner join skill_trees on skill_trees.id = step.id
        )
            using errcode = 'check_violation', constraint = 'skill_trees_prerequisites_acyclic',
            detail = to_jsonb(cycle),
            hint = 'Each tree of the path needs the next one. Remove one of these prerequisites.';
    end if;

    return null;
end
$$;

create constraint trigger skill_trees_prerequisites_are_valid
after insert or update or delete on skill_trees
deferrable initially deferred
for each row execute function verify_tree_prerequisites();
