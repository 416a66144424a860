-- Hold the skills of a tree that is about to be imported.
--
-- @role app_service
-- @step how import_tree begins
-- @budget buffers 150
select skills.id
from skill_trees
inner join skills on skills.skill_tree_id = skill_trees.id
where skill_trees.slug = %(slug)s
order by skills.id
for no key update of skills;
