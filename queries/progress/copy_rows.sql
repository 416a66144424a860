-- Copy the rows to import into the temporary table, with the columns in this order.
--
-- @role app_service
-- @types integer, uuid, uuid, text, double precision, integer, integer, integer, text, double precision, text,
--     timestamptz, timestamptz, timestamptz, timestamptz, text, double precision
-- @after progress/begin_import
-- @step the first steps of import_rows
copy pg_temp.imported_progress (
    position,
    user_id,
    skill_id,
    status,
    progress_percent,
    time_spent_minutes,
    attempts_count,
    failed_attempts,
    completion_method,
    completion_score,
    evidence_data,
    unlocked_at,
    started_at,
    last_activity_at,
    completed_at,
    struggling_indicators,
    engagement_score
)
from stdin with binary;
