-- The trees that a learner must still complete before a tree opens, in an order in which they can be learned. Trees
-- behind a completed tree are not needed.
--
-- @step runs when an action on a tree is refused
-- @notnull is_direct: the requested tree exists, and its array contains no null
-- @budget buffers 141
-- @never Seq Scan on user_skill_tree_progress
with recursive missing as (
    select
        skill_trees.id,
        skill_trees.prerequisites
    from visible_trees as skill_trees
    where skill_trees.id = %(tree_id)s
    union
    select
        skill_trees.id,
        skill_trees.prerequisites
    from missing
    cross join unnest(missing.prerequisites) as prerequisite (id)
    inner join visible_trees as skill_trees on skill_trees.id = prerequisite.id
    left join user_skill_tree_progress
        on
            user_skill_tree_progress.user_id = %(user_id)s
            and user_skill_tree_progress.skill_tree_id = skill_trees.id
    -- A draft that the learner is not in holds nothing up.
    where coalesce(user_skill_tree_progress.status <> 'COMPLETED', skill_trees.is_published)
),

edge as (
    select
        missing.id as tree_id,
        prerequisite.id as prerequisite_id
    from missing
    cross join unnest(missing.prerequisites) as named (id)
    inner join missing as prerequisite on prerequisite.id = named.id
),

leveled as (
    select
        node.id,
        node.level
    from topological_levels(
        (select coalesce(array_agg(edge.tree_id), '{}') from edge),
        (select coalesce(array_agg(edge.prerequisite_id), '{}') from edge)
    ) as node (id, level)
)

select
    skill_trees.id,
    skill_trees.name,
    (
        select skill_trees.id = any(target.prerequisites)
        from visible_trees as target
        where target.id = %(tree_id)s
    ) as is_direct,
    coalesce(leveled.level, 0) as level
from missing
inner join visible_trees as skill_trees on skill_trees.id = missing.id
left join leveled on leveled.id = skill_trees.id
where skill_trees.id <> %(tree_id)s
order by level, skill_trees.name, skill_trees.id;
