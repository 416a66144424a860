-- How far a backfill has come.
--
-- @role app_service
-- @step backfill returns it
-- @after achievements/begin_backfill
-- @budget buffers 9
select
    achievement_backfills.achievement_id,
    achievement_backfills.learners_seen,
    achievement_backfills.awarded,
    achievement_backfills.finished_at is not null as is_finished
from achievement_backfills
where achievement_backfills.achievement_id = %(achievement_id)s;
