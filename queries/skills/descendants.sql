-- The skills that follow from a skill, directly or not, each with the number of edges on the shortest way;
-- the skill itself comes first.
--
-- One row per distance: what is new at that distance, and all that was met so far, so that no skill is visited twice,
-- however many ways lead to it.
--
-- @sample skill_id: %(first_skill_ids)s[1]
-- @budget buffers 510
with recursive reached as (
    select
        0 as depth,
        array[skills.id] as frontier,
        array[skills.id] as met
    from skills
    where skills.id = %(skill_id)s
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
            inner join skills on skills.id = here.id
            cross join unnest(skills.dependents) as neighbour (id)
            where not exists (
                select from unnest(reached.met) as already (id)
                where already.id = neighbour.id
            )
        ) as next_frontier
    where next_frontier.ids is not null
)

select
    skills.id,
    skills.name,
    skills.skill_type,
    skills.difficulty,
    skills.is_active,
    skills.is_optional,
    reached.depth
from reached
cross join unnest(reached.frontier) as member (id)
inner join skills on skills.id = member.id
order by reached.depth, skills.position_y, skills.position_x, skills.sort_order, skills.id;
