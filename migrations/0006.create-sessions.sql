-- Where a learner is logged in.

create table user_sessions (
    user_id uuid not null,
    id uuid not null default uuidv7(),
    device_info jsonb,
    ip_address inet,
    started_at timestamptz not null default now(),
    last_activity_at timestamptz not null default now(),
    ended_at timestamptz,
    is_active boolean not null default true,
    constraint user_sessions_pkey primary key (user_id, id),
    constraint user_sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint user_sessions_device_info_form check (jsonb_typeof(device_info) = 'object'),
    constraint user_sessions_ended_at_agrees check (is_active = (ended_at is null))
);

create index idx_user_session_active on user_sessions (user_id, is_active);

create index idx_session_activity on user_sessions (last_activity_at);
