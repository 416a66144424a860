-- Record how far a backfill has come, unless another run of it has already recorded this batch.
--
-- after_user_id  the last learner before the batch
-- last_user_id   the last learner of the batch; null if no learners are left, which ends the backfill
-- learners       the number of learners in the batch
-- awards         how many of them have been awarded the achievement (achievements/count_awards)
--
-- @role app_service
-- @step the last step of each batch of backfill
-- @after achievements/begin_backfill
-- @sample after_user_id: null
-- @sample last_user_id: %(user_id)s
-- @sample learners: 500
-- @sample awards: 1
-- @budget buffers 24
update achievement_backfills
set
    after_user_id = coalesce(%(last_user_id)s::uuid, achievement_backfills.after_user_id),
    learners_seen = achievement_backfills.learners_seen + %(learners)s,
    awarded = achievement_backfills.awarded + %(awards)s,
    -- Null, unless the end is reached. The time stands outside of the choice, which must be immutable.
    finished_at = now() + case when %(last_user_id)s::uuid is null then interval '0' end
where
    achievement_backfills.achievement_id = %(achievement_id)s
    and achievement_backfills.after_user_id is not distinct from %(after_user_id)s
    and achievement_backfills.finished_at is null
returning achievement_backfills.achievement_id;
