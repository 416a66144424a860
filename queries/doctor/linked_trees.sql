-- The trees among these ids of trees and skills, or of such skills, in groups. Trees whose skills wrongly refer to each
-- other can only be repaired together.
--
-- @role app_service
-- @step decides which trees doctor.repair repairs together
-- @sample ids: %(first_skill_ids)s
-- @budget buffers 2600
with recursive drifted as (
    select skill_trees.id
    from skill_trees
    where skill_trees.id = any(%(ids)s::uuid[])
    union
    select skills.skill_tree_id
    from skills
    where skills.id = any(%(ids)s::uuid[])
),

link as (
    select
        skills.skill_tree_id as tree_id,
        other.skill_tree_id as other_id
    from skills
    cross join unnest(skills.dependencies || skills.dependents) as named (id)
    inner join skills as other on other.id = named.id
    where other.skill_tree_id <> skills.skill_tree_id
),

reached as (
    select
        drifted.id as first_id,
        drifted.id as tree_id
    from drifted
    union
    select
        reached.first_id,
        case when link.tree_id = reached.tree_id then link.other_id else link.tree_id end as tree_id
    from reached
    inner join link on reached.tree_id in (link.tree_id, link.other_id)
),

linked as (
    select array_agg(reached.tree_id order by reached.tree_id) as tree_ids
    from reached
    group by reached.first_id
)

select distinct linked.tree_ids
from linked
order by linked.tree_ids;
