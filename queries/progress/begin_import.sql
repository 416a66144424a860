-- Create the temporary table that receives the rows to import. progress/end_import has dropped any table of that name.
-- The types are qualified, so that temporary types of the same names are not used instead.
--
-- @role app_service
-- @step the first steps of import_rows
create temporary table pg_temp.imported_progress (
    position integer,
    user_id uuid,
    skill_id uuid,
    status public.skill_progress_status,
    progress_percent double precision,
    time_spent_minutes integer,
    attempts_count integer,
    failed_attempts integer,
    completion_method public.completion_method,
    completion_score double precision,
    evidence_data json,
    unlocked_at timestamptz,
    started_at timestamptz,
    last_activity_at timestamptz,
    completed_at timestamptz,
    struggling_indicators json,
    engagement_score double precision
)
on commit drop;
