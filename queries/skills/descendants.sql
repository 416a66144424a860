-- The skills that follow from a skill, directly or not, each with the number of edges on the shortest way;
-- the skill itself comes first.
--
-- One row per distance: what is new at that distance, and all that was met so far, so that no skill is visited twice,
-- however many ways lead to it.
--
-- @sample skill_id: %(first_skill_ids)s[1]
-- @budget buffers 46
-- @never Seq Scan on skills
with recursive tree_skill as (
    -- Whatever is met is of the skill's tree, which is read once.
    select
        skills.id,
        skills.name,
        skills.skill_type,
        skills.difficulty,
        skills.is_active,
        skills.is_optional,
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

reached as (
    select
        0 as depth,
        array[tree_skill.id] as frontier,
        array[tree_skill.id] as met
    from tree_skill
    where tree_skill.id = %(skill_id)s
    union all
    select
        reached.depth + 1 as depth,
        next_frontier.ids as frontier,
        reached.met || next_frontier.ids as met
    from reached
    cross join
        lateral (
            select array_agg(distinct neighbour.id) as ids
            from unnest(reached.frontier) as here (id)
            inner join tree_skill on tree_skill.id = here.id
            cross join unnest(tree_skill.dependents) as neighbour (id)
            where not exists (
                select from unnest(reached.met) as already (id)
                where already.id = neighbour.id
            )
        ) as next_frontier
    where next_frontier.ids is not null
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
cross join unnest(reached.frontier) as member (id)
inner join tree_skill on tree_skill.id = member.id
order by reached.depth, tree_skill.position_y, tree_skill.position_x, tree_skill.sort_order, tree_skill.id;
