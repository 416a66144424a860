-- What leads to a skill, and the skill itself last, in an order in which it can be learnt: each after all that it
-- needs. Inactive skills neither gate nor count, so that no way leads through them.
--
-- @sample skill_id: %(last_skill_id)s
-- @budget buffers 46
-- @never Seq Scan on skills
with recursive tree_skill as (
    -- Whatever leads to a skill is of its tree, which is read once.
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

leading_to as (
    select
        tree_skill.id,
        tree_skill.dependencies
    from tree_skill
    where tree_skill.id = %(skill_id)s
    union
    select
        tree_skill.id,
        tree_skill.dependencies
    from leading_to
    cross join unnest(leading_to.dependencies) as dependency (id)
    inner join tree_skill on tree_skill.id = dependency.id
    where tree_skill.is_active
),

edge as (
    select
        leading_to.id as skill_id,
        prerequisite.id as prerequisite_id
    from leading_to
    cross join unnest(leading_to.dependencies) as dependency (id)
    inner join leading_to as prerequisite on prerequisite.id = dependency.id
),

leveled as (
    select
        node.id,
        node.level
    from topological_levels(
        (select coalesce(array_agg(edge.skill_id), '{}') from edge),
        (select coalesce(array_agg(edge.prerequisite_id), '{}') from edge)
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
    coalesce(leveled.level, 0) as level
from leading_to
inner join tree_skill on tree_skill.id = leading_to.id
left join leveled on leveled.id = tree_skill.id
order by level, tree_skill.position_y, tree_skill.position_x, tree_skill.sort_order, tree_skill.id;
