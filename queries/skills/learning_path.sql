-- The skills before a skill, and the skill itself last, in an order in which they can be learned: each after all its
-- dependencies. Inactive skills neither gate nor count, so no path contains them.
--
-- @sample skill_id: %(last_skill_id)s
-- @notnull level: every node on the path has one
-- @budget buffers 46
-- @never Seq Scan on skills
with tree_skill as (
    -- All skills before a skill are in its tree, which is read once.
    select
        skills.id,
        skills.name,
        skills.skill_type,
        skills.difficulty,
        skills.estimated_minutes,
        skills.xp_value,
        skills.is_optional,
        skills.is_active,
        skills.dependencies,
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
        dependency.id as prerequisite_id
    from tree_skill
    cross join unnest(tree_skill.dependencies) as dependency (id)
    where
        dependency.id not in (
            select inactive.id
            from tree_skill as inactive
            where not inactive.is_active
        )
),

leading_to as (
    select
        node.id,
        node.level
    from
        way_to(
            %(skill_id)s,
            (select array_agg(edge.skill_id) from edge),
            (select array_agg(edge.prerequisite_id) from edge),
            '{}'
        ) as node (id, level)
)

select
    tree_skill.id,
    tree_skill.name,
    tree_skill.skill_type,
    tree_skill.difficulty,
    tree_skill.estimated_minutes,
    tree_skill.xp_value,
    tree_skill.is_optional,
    leading_to.level
from leading_to
inner join tree_skill on tree_skill.id = leading_to.id
order by leading_to.level, tree_skill.position_y, tree_skill.position_x, tree_skill.sort_order, tree_skill.id;
