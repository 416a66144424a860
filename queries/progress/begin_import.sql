-- Where rows to import are put before anything is known of them.
--
-- @role app_service
-- @step how import_rows begins
create temporary table imported_progress (
    position integer,
    user_id uuid,
    skill_id uuid,
    status skill_progress_status,
    progress_percent double precision,
    time_spent_minutes integer,
    attempts_count integer,
    failed_attempts integer,
    completion_method completion_method,
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
