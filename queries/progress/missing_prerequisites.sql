-- The skills that a learner must still complete before a skill opens, in an order in which they can be learned. The
-- skill itself comes last.
--
-- Skills behind a satisfied skill or a skill in progress are not needed: work that has begun can go on.
--
-- @sample skill_id: %(last_skill_id)s
-- @notnull level: every node on the path has one
-- @budget buffers 43
-- @never Seq Scan on skills, user_skill_progress
with tree_skill as (
    -- All skills before a skill are in its tree, which is read once.
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

work as (
    select
        skill_work.skill_id,
        skill_work.status,
        skill_work.is_satisfied
    from skill_work
    inner join skills on skills.id = %(skill_id)s and skills.skill_tree_id = skill_work.skill_tree_id
    where
        skill_work.user_id = %(user_id)s
        and skill_work.is_begun
),

-- Skills that hold nothing up: satisfied or inactive. `not in` makes a hashed subplan, whatever number of rows the
-- planner expects. The planner cannot know how much of a tree a learner has done.
settled as (
    select work.skill_id
    from work
    where work.is_satisfied
    union all
    select tree_skill.id as skill_id
    from tree_skill
    where not tree_skill.is_active
),

edge as (
    select
        tree_skill.id as skill_id,
        dependency.id as prerequisite_id
    from tree_skill
    cross join unnest(tree_skill.dependencies) as dependency (id)
    where dependency.id not in (select settled.skill_id from settled)
),

-- A skill in progress stays open, so no path continues through it. Its dependencies still come first if they are on
-- another path.
unsatisfied as (
    select
        node.id,
        node.level
    from
        way_to(
            %(skill_id)s,
            (select array_agg(edge.skill_id) from edge),
            (select array_agg(edge.prerequisite_id) from edge),
            (
                select array_agg(work.skill_id) from work
                where work.status = 'IN_PROGRESS'
            )
        ) as node (id, level)
)

select
    tree_skill.id,
    tree_skill.name,
    tree_skill.difficulty,
    tree_skill.estimated_minutes,
    tree_skill.dependents @> array[%(skill_id)s::uuid] as is_direct,
    unsatisfied.level
from unsatisfied
inner join tree_skill on tree_skill.id = unsatisfied.id
order by unsatisfied.level, tree_skill.position_y, tree_skill.position_x, tree_skill.sort_order, tree_skill.id;
