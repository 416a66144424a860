-- The rules that must hold between skills, and between trees, when a transaction commits. Arrays of ids cannot have
-- foreign keys, so deferred constraint triggers check them.
--
-- Between the skills of a tree:
--   every dependency and dependent is a skill of the same tree;
--   `dependents` is the inverse of `dependencies`;
--   dependencies form no cycle, and neither do parents.
--
-- The check is deferred, because the two ends of an edge may be written one after the other. It locks the tree before
-- it reads anything. So if two transactions each add half of a cycle, the second one sees the edge of the first.

create sequence skill_graph_changes;

-- Stamps a skill whose edges change, and ignores what a client writes into the column. By the stamps, the check finds
-- the skills that a transaction has changed, and checks all its changes to a tree once.
--
-- A stamp starts with the start time of the transaction in microseconds. The number of the transaction is not enough:
-- every server counts its own transactions. Rows from another server, by logical replication or a dump, may have the
-- number of a later transaction on this one. No two transactions have both the same number and the same start.
create function stamp_skill_graph_change() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if tg_op = 'UPDATE' then
        if new.skill_tree_id <> old.skill_tree_id then
            raise exception 'skill % cannot move to another tree', old.id
                using errcode = 'ST207', constraint = 'skills_tree_fixed', detail = jsonb_build_array(old.id),
                hint = 'Learners may have progress on it. Create a skill in the other tree, and deactivate this one.';
        end if;
        if (new.id, new.dependencies, new.dependents, new.parent_skill_id)
            is not distinct from (old.id, old.dependencies, old.dependents, old.parent_skill_id)
        then
            new.graph_change := old.graph_change;
            return new;
        end if;
    end if;
    new.graph_change := array[
        (extract(epoch from now()) * 1000000)::bigint,
        pg_current_xact_id()::text::bigint,
        nextval('public.skill_graph_changes')
    ];
    return new;
end
$$;

create trigger skills_stamp_graph_change
before insert or update on skills
for each row execute function stamp_skill_graph_change();

-- A session keeps the plans of a function's statements. A plan made for a small table would later scan whole trees for
-- each changed skill, so `plan_cache_mode` is set. JIT is off, because compiling takes longer than running (0.8 of
-- 0.9 s).
create function verify_skill_graph() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
set plan_cache_mode = force_custom_plan
set jit = off
as $$
declare
    changed_skill skills;
    this_moment constant bigint := (extract(epoch from now()) * 1000000)::bigint;
    this_transaction constant bigint := pg_current_xact_id()::text::bigint;
    wrong record;
    cycle uuid[];
begin
    if tg_op = 'DELETE' then
        changed_skill := old;
    else
        changed_skill := new;
    end if;

    -- The columns are compared and not the stamps, because a sequence that was reset could give two equal stamps.
    if tg_op = 'UPDATE'
        and (new.id, new.dependencies, new.dependents, new.parent_skill_id)
        is not distinct from (old.id, old.dependencies, old.dependents, old.parent_skill_id)
    then
        return null;
    end if;

    -- A snapshot that is older than the lock does not show what others have committed since.
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'the skill graph cannot be edited at isolation level %', current_setting('transaction_isolation')
            using errcode = 'ST301', constraint = 'skills_graph_isolation',
            hint = 'Edit it in a READ COMMITTED transaction.';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('skill graph ' || changed_skill.skill_tree_id, 0));

    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and new.id <> old.id) then
        select skills.id into wrong
        from skills
        where (skills.dependencies @> array[old.id] or skills.dependents @> array[old.id])
            and not exists (select from skills as remade where remade.id = old.id);
        if found then
            raise exception 'skill % no longer exists, but skill % still refers to it', old.id, wrong.id
                using errcode = 'ST204', constraint = 'skills_dependencies_exist',
                detail = jsonb_build_array(old.id), hint = 'Remove it from dependencies and dependents first.';
        end if;
    end if;
    if tg_op = 'DELETE' then
        return null;
    end if;

    -- If this transaction changes the same tree again later, the check of that change sees everything.
    if exists (
        select from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > new.graph_change
            and skills.graph_change < array[this_moment, this_transaction + 1]
    ) then
        return null;
    end if;

    with
    changed as (
        select skills.id, skills.dependencies, skills.dependents
        from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > array[this_moment, this_transaction]
            and skills.graph_change < array[this_moment, this_transaction + 1]
    ),

    named as (
        select changed.id as skill_id, dependency.id as other_id
        from changed cross join unnest(changed.dependencies) as dependency (id)
        union
        select changed.id as skill_id, dependent.id as other_id
        from changed cross join unnest(changed.dependents) as dependent (id)
    )

    select
        min(named.skill_id::text) as skill_id,
        jsonb_agg(distinct named.other_id) as missing
    into wrong
    from named
    left join skills on skills.id = named.other_id
    where skills.skill_tree_id is distinct from new.skill_tree_id;
    if wrong.missing is not null then
        raise exception 'skill % refers to skills that are not in its tree', wrong.skill_id
            using errcode = 'ST204', constraint = 'skills_dependencies_exist', detail = wrong.missing,
            hint = 'Dependencies and dependents must be ids of skills of the same tree.';
    end if;

    -- A cycle through a changed skill contains only skills that lead to it, so only those are read.
    with recursive
    leading_to as (
        select skills.id, skills.dependencies
        from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > array[this_moment, this_transaction]
            and skills.graph_change < array[this_moment, this_transaction + 1]
            and skills.dependencies <> '{}'
            and (skills.dependents <> '{}' or skills.dependencies @> array[skills.id])
        union
        select skills.id, skills.dependencies
        from leading_to
        cross join unnest(leading_to.dependencies) as dependency (id)
        inner join skills on skills.id = dependency.id
    )

    select find_cycle(
        coalesce(array_agg(leading_to.id), '{}'),
        coalesce(array_agg(dependency.id), '{}')
    )
    into cycle
    from leading_to
    cross join unnest(leading_to.dependencies) as dependency (id);
    if cycle is not null then
        raise exception 'dependency cycle: %', (
            select string_agg(skills.name, ' → ' order by step.place) || case when cardinality(cycle) > 12 then ' → …' else '' end
            from unnest(cycle[:12]) with ordinality as step (id, place)
            inner join skills on skills.id = step.id
        )
            using errcode = 'ST201', constraint = 'skills_dependencies_acyclic', detail = to_jsonb(cycle),
            hint = 'Each skill of the path needs the next one. Remove one of these dependencies.';
    end if;

    with
    changed as (
        select skills.id, skills.dependencies, skills.dependents
        from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > array[this_moment, this_transaction]
            and skills.graph_change < array[this_moment, this_transaction + 1]
    ),

    one_sided as (
        select changed.id as skill_id, skills.id as dependency_id
        from changed
        inner join skills on skills.id = any(changed.dependencies)
        where changed.id <> all(skills.dependents)
        union all
        select skills.id as skill_id, changed.id as dependency_id
        from changed
        inner join skills on skills.id = any(changed.dependents)
        where changed.id <> all(skills.dependencies)
        union all
        select changed.id as skill_id, skills.id as dependency_id
        from changed
        inner join skills on skills.dependents @> array[changed.id]
        where skills.id <> all(changed.dependencies)
        union all
        select skills.id as skill_id, changed.id as dependency_id
        from changed
        inner join skills on skills.dependencies @> array[changed.id]
        where skills.id <> all(changed.dependents)
    )

    select one_sided.skill_id, one_sided.dependency_id into wrong
    from one_sided
    order by one_sided.skill_id, one_sided.dependency_id
    limit 1;
    if found then
        raise exception 'dependencies of skill % and dependents of skill % do not agree',
            wrong.skill_id, wrong.dependency_id
            using errcode = 'ST206', constraint = 'skills_dependents_inverse',
            detail = jsonb_build_array(wrong.skill_id, wrong.dependency_id),
            hint = 'Write dependencies of the one and dependents of the other in the same transaction.';
    end if;

    with recursive
    above as (
        select skills.id, skills.parent_skill_id
        from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > array[this_moment, this_transaction]
            and skills.graph_change < array[this_moment, this_transaction + 1]
            and skills.parent_skill_id is not null
        union
        select skills.id, skills.parent_skill_id
        from above
        inner join skills on skills.id = above.parent_skill_id
        where skills.parent_skill_id is not null
    )

    select find_cycle(
        coalesce(array_agg(above.id), '{}'),
        coalesce(array_agg(above.parent_skill_id), '{}')
    )
    into cycle
    from above;
    if cycle is not null then
        raise exception 'parent cycle: %', (
            select string_agg(skills.name, ' → ' order by step.place) || case when cardinality(cycle) > 12 then ' → …' else '' end
            from unnest(cycle[:12]) with ordinality as step (id, place)
            inner join skills on skills.id = step.id
        )
            using errcode = 'ST202', constraint = 'skills_parents_acyclic', detail = to_jsonb(cycle),
            hint = 'Each skill of the path is a child of the next one. Give one of them another parent.';
    end if;

    return null;
end
$$;

create constraint trigger skills_graph_is_valid
after insert or update or delete on skills
deferrable initially deferred
for each row execute function verify_skill_graph();

-- Between trees: every prerequisite is a tree, and prerequisites form no cycle. Prerequisites seldom change, so one
-- lock is enough for all trees.
create function verify_tree_prerequisites() returns trigger
language plpgsql
set search_path = pg_catalog, public, pg_temp
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
            using errcode = 'ST301', constraint = 'skill_trees_graph_isolation',
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
            raise exception 'tree % no longer exists, but is still a prerequisite of tree %', old.id, wrong.id
                using errcode = 'ST205', constraint = 'skill_trees_prerequisites_exist',
                detail = jsonb_build_array(old.id), hint = 'Remove it from the prerequisites first.';
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
            using errcode = 'ST205', constraint = 'skill_trees_prerequisites_exist',
            detail = wrong.missing, hint = 'Prerequisites must be ids of trees.';
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
            using errcode = 'ST203', constraint = 'skill_trees_prerequisites_acyclic',
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
