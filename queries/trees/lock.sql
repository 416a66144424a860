-- Lock a tree, so that the next statement sees every tree that needs it, and no other tree can start to need it.
--
-- @role app_service
-- @step the first step of delete
-- @budget buffers 13
select skill_trees.id
from skill_trees
where skill_trees.id = %(tree_id)s
for update;
