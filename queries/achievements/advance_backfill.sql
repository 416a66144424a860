-- Record how far a backfill has come, unless another run of it has already recorded this batch.
--
-- after_user_id  the last learner before the batch
-- last_user_id   the last learner of the batch; null if no learners are left, which ends the backfill
-- learners       the number of learners in the batch
-- due            those of them who have earned the achievement
--
-- @role app_service
-- @step the last step of each batch of backfill
-- @across counts the awards of all learners of a batch
-- @after achievements/begin_backfill
-- @sample after_user_id: null
-- @sample last_user_id: %(user_id)s
-- @sample learners: 500
-- @sample due: array[%(user_id)s::uuid]
-- @budget buffers 24
-- @never Seq Scan on user_achievements
with counted as materialized (
    select
        count(*) as awards,
        now() as at
    from user_achievements
    where
        user_achievements.achievement_id = %(achievement_id)s
        and user_achievements.user_id = any(%(due)s::uuid[])
)

update achievement_backfills
set
    after_user_id = coalesce(%(last_user_id)s::uuid, achievement_backfills.after_user_id),
    learners_seen = achievement_backfills.learners_seen + %(learners)s,
    awarded = achievement_backfills.awarded + counted.awards,
    finished_at = case when %(last_user_id)s::uuid is null then counted.at end
from counted
where
    achievement_backfills.achievement_id = %(achievement_id)s
    and achievement_backfills.after_user_id is not distinct from %(after_user_id)s
    and achievement_backfills.finished_at is null
returning achievement_backfills.achievement_id;
