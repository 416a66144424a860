-- Lock the skills of a tree before its import.
--
-- @role app_service
-- @step the first steps of import_tree
-- @budget buffers 190
select skills.id
from skill_trees
inner join skills on skills.skill_tree_id = skill_trees.id
where skill_trees.slug = %(slug)s
order by skills.id
for no key update of skills;
