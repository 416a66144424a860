-- What one learner must still complete before a skill opens, in an order in which it can be learnt; the skill
-- itself comes last.
--
-- `(select %(user_id)s::uuid)` hides from the planner who it is: one plan serves every learner.
--
-- Only what is itself not satisfied is followed further down: what lies behind a completed skill is not asked for
-- again.
--
-- @sample skill_id: %(last_skill_id)s
-- @budget buffers 43
-- @never Seq Scan on skills, user_skill_progress
with recursive tree_skill as (
    -- Whatever a skill needs is of its tree, which is read once.
    select
        skills.id,
        skills.name,
        skills.difficulty,
        skills.estimated_minutes,
        skills.is_active,
        skills.dependencies,
        skills.dependents,
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

satisfied as (
    select user_skill_progress.skill_id
    from user_skill_progress
    inner join skills on skills.id = %(skill_id)s and skills.skill_tree_id = user_skill_progress.skill_tree_id
    where
        user_skill_progress.user_id = (select %(user_id)s::uuid)
        and user_skill_progress.status in ('COMPLETED', 'SKIPPED')
),

missing as (
    select
        tree_skill.id,
        tree_skill.dependencies
    from tree_skill
    where tree_skill.id = %(skill_id)s
    union
    select
        tree_skill.id,
        tree_skill.dependencies
    from missing
    cross join unnest(missing.dependencies) as dependency (id)
    inner join tree_skill on tree_skill.id = dependency.id
    where
        tree_skill.is_active
        and not exists (
            select from satisfied
            where satisfied.skill_id = tree_skill.id
        )
),

edge as (
    select
        missing.id as skill_id,
        prerequisite.id as prerequisite_id
    from missing
    cross join unnest(missing.dependencies) as dependency (id)
    inner join missing as prerequisite on prerequisite.id = dependency.id
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
    tree_skill.difficulty,
    tree_skill.estimated_minutes,
    tree_skill.dependents @> array[%(skill_id)s::uuid] as is_direct,
    coalesce(leveled.level, 0) as level
from missing
inner join tree_skill on tree_skill.id = missing.id
left join leveled on leveled.id = tree_skill.id
order by level, tree_skill.position_y, tree_skill.position_x, tree_skill.sort_order, tree_skill.id;
