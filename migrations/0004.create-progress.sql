-- What each learner has done. The learner comes first in every key, so that the tables can be distributed by user_id;
-- `id` is a handle for the outside, looked up together with user_id.

create table user_skill_tree_progress (
    user_id uuid not null,
    skill_tree_id uuid not null,
    id uuid not null default uuidv7(),
    status tree_progress_status not null default 'NOT_STARTED',
    progress_percent double precision not null default 0,
    skills_completed integer not null default 0,
    total_skills integer not null default 0,
    time_spent_minutes integer not null default 0,
    started_at timestamptz,
    last_activity_at timestamptz,
    completed_at timestamptz,
    milestones_reached uuid[] not null default '{}',
    current_path uuid[] not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint unique_user_tree_progress primary key (user_id, skill_tree_id),
    constraint user_skill_tree_progress_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint user_skill_tree_progress_skill_tree_id_fkey foreign key (skill_tree_id)
    references skill_trees (id) on delete cascade,
    constraint user_skill_tree_progress_progress_percent_range check (progress_percent between 0 and 100),
    constraint user_skill_tree_progress_skills_completed_range check (skills_completed >= 0),
    constraint user_skill_tree_progress_total_skills_range check (total_skills >= 0),
    constraint user_skill_tree_progress_time_spent_minutes_range check (time_spent_minutes >= 0),
    constraint user_skill_tree_progress_milestones_reached_distinct check (is_id_set(milestones_reached)),
    constraint user_skill_tree_progress_current_path_distinct check (is_id_set(current_path))
);

create index idx_user_tree_status on user_skill_tree_progress (user_id, status);

create index idx_tree_user_status on user_skill_tree_progress (skill_tree_id, status);

create index idx_tree_progress_activity on user_skill_tree_progress (last_activity_at);

create trigger user_skill_tree_progress_set_updated_at
before update on user_skill_tree_progress
for each row execute function set_updated_at();

create table user_skill_progress (
    user_id uuid not null,
    skill_id uuid not null,
    id uuid not null default uuidv7(),
    -- Copied from the skill so that one learner's part of one tree is one index scan; the foreign key keeps it true.
    skill_tree_id uuid not null,
    status skill_progress_status not null default 'LOCKED',
    progress_percent double precision not null default 0,
    time_spent_minutes integer not null default 0,
    attempts_count integer not null default 0,
    completion_method completion_method,
    completion_score double precision,
    evidence_data jsonb,
    unlocked_at timestamptz,
    started_at timestamptz,
    last_activity_at timestamptz,
    completed_at timestamptz,
    struggling_indicators jsonb,
    engagement_score double precision,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint unique_user_skill_progress primary key (user_id, skill_id),
    constraint user_skill_progress_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint user_skill_progress_skill_id_fkey foreign key (skill_id, skill_tree_id)
    references skills (id, skill_tree_id) on delete cascade,
    constraint user_skill_progress_progress_percent_range check (progress_percent between 0 and 100),
    constraint user_skill_progress_time_spent_minutes_range check (time_spent_minutes >= 0),
    constraint user_skill_progress_attempts_count_range check (attempts_count >= 0),
    constraint user_skill_progress_completion_score_range check (completion_score between 0 and 100),
    constraint user_skill_progress_engagement_score_range check (engagement_score between 0 and 1),
    constraint user_skill_progress_evidence_data_form check (jsonb_typeof(evidence_data) = 'object'),
    constraint user_skill_progress_struggling_indicators_form check (jsonb_typeof(struggling_indicators) = 'object')
);

create index idx_user_skill_status on user_skill_progress (user_id, status);

create index idx_skill_user_status on user_skill_progress (skill_id, status);

create index idx_tree_user_progress on user_skill_progress (skill_tree_id, user_id);

create index idx_skill_progress_activity on user_skill_progress (last_activity_at);

create index idx_skill_completion on user_skill_progress (completed_at);

create trigger user_skill_progress_set_updated_at
before update on user_skill_progress
for each row execute function set_updated_at();
