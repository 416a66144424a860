-- Hold a skill. Every edge of it is written in its own row too, so that none can come or go from here on.
select skills.id
from skills
where skills.id = %(skill_id)s
for update;
