-- The skills that a skill depends on, directly or not, or those that depend on it: skills.ancestors and descendants.
-- Each has the number of edges on the shortest path. The skill itself comes first.
--
-- @step ancestors and descendants run it
-- @sample skill_id: %(last_skill_id)s
-- @sample of_dependencies: true
-- @notnull depth: distances_from() returns no row without a distance
-- @budget buffers 46
-- @never Seq Scan on skills
with tree_skill as (
    -- All of them are in the skill's tree, which is read once.
    select
        skills.id,
        skills.name,
        skills.skill_type,
        skills.difficulty,
        skills.is_active,
        skills.is_optional,
        case when %(of_dependencies)s then skills.dependencies else skills.dependents end as neighbours,
        skills.position_y,
        skills.position_x,
        skills.sort_order
    from skills
    where
        skills.skill_tree_id = (
            select target.skill_tree_id
            from skills as target
            inner join visible_trees on visible_trees.id = target.skill_tree_id
            where target.id = %(skill_id)s
        )
),

edge as (
    select
        tree_skill.id as skill_id,
        neighbour.id as neighbour_id
    from tree_skill
    cross join unnest(tree_skill.neighbours) as neighbour (id)
),

reached as (
    select
        node.id,
        node.distance as depth
    from distances_from(
        %(skill_id)s::uuid,
        (select coalesce(array_agg(edge.skill_id), '{}') from edge),
        (select coalesce(array_agg(edge.neighbour_id), '{}') from edge)
    ) as node (id, distance)
)

select
    tree_skill.id,
    tree_skill.name,
    tree_skill.skill_type,
    tree_skill.difficulty,
    tree_skill.is_active,
    tree_skill.is_optional,
    reached.depth
from reached
inner join tree_skill on tree_skill.id = reached.id
order by reached.depth, tree_skill.position_y, tree_skill.position_x, tree_skill.sort_order, tree_skill.id;
