-- Lock a skill whose learners have been locked out before. Every edge of the skill is also stored in its own row, so no
-- edge can be added or removed from here on.
--
-- @role app_service
-- @step the third step of edits that must know all edges of the skill
-- @budget buffers 13
select skills.id
from skills
where skills.id = %(skill_id)s
for update;
