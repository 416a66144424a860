-- Where rows to import are put before anything is known of them. Nothing of that name is there (progress/end_import),
-- and no type that somebody has made temporarily is taken for one of the schema.
--
-- @role app_service
-- @step how import_rows begins
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
    evidence_data jsonb,
    unlocked_at timestamptz,
    started_at timestamptz,
    last_activity_at timestamptz,
    completed_at timestamptz,
    struggling_indicators jsonb,
    engagement_score double precision
)
on commit drop;
