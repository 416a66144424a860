-- Hold all skills of a tree, so that the next statement sees their latest edges and nobody else changes them.
select skills.id
from skills
where skills.skill_tree_id = %(tree_id)s
order by skills.id
for no key update;
