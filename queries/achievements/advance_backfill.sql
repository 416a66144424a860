-- Note how far a back-fill has come, unless another run of it has come there first.
--
-- after_user_id, last_user_id  where the batch began and ended; without an end, the back-fill has come to its own
-- learners                     how many were looked at
-- due                          who of them were entitled
--
-- @role app_service
-- @step how backfill notes how far it is
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
