-- How many learners of a batch have been awarded an achievement.
--
-- due  the learners of the batch who have earned it
--
-- @role app_service
-- @step a step of each batch of backfill
-- @across counts the awards of all learners of a batch
-- @sample due: array[%(user_id)s::uuid]
-- @budget buffers 24
-- @never Seq Scan on user_achievements
select count(*)::integer as awards
from user_achievements
where
    user_achievements.achievement_id = %(achievement_id)s
    and user_achievements.user_id = any(%(due)s::uuid[]);
