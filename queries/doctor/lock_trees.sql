-- Lock all skills of some trees, so that the next statement sees their latest edges and nobody else changes them.
--
-- @role app_service
-- @step the first step of repairing trees
-- @budget buffers 240
select skills.id
from skills
where skills.skill_tree_id = any(%(tree_ids)s::uuid[])
order by skills.id
for no key update;
