-- The trees that are among these ids of trees and skills, or that such a skill is of.
select skill_trees.id
from skill_trees
where skill_trees.id = any(%(ids)s::uuid[])
union
select skills.skill_tree_id
from skills
where skills.id = any(%(ids)s::uuid[])
order by id;
