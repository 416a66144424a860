-- The sessions of learners, and what protects an account: failed log-ins are counted, and links sent by mail work once.
-- Only the hashes of tokens are stored, so nobody can use a token from a copy of a table.

create table user_sessions (
    user_id uuid not null,
    constraint user_sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    id uuid not null default uuidv7(),
    constraint user_sessions_pkey primary key (user_id, id),

    -- SHA-256 of a token with 256 random bits. The token also contains the learner's id, so one index scan finds the
    -- session, even if the learner's rows are on another node. A session without a token cannot be resumed.
    token_hash bytea,
    constraint unique_session_token unique (user_id, token_hash),
    constraint user_sessions_token_hash_length check (octet_length(token_hash) = 32),

    device_info jsonb,
    constraint user_sessions_device_info_form check (jsonb_typeof(device_info) = 'object'),
    constraint user_sessions_device_info_size check (pg_column_size(device_info) <= 100000),
    constraint user_sessions_device_info_depth check (
        pg_column_size(device_info) < 800 or not jsonb_path_exists(device_info, '$.**{100}')
    ),

    ip_address inet,
    started_at timestamptz not null default now(),
    last_activity_at timestamptz not null default now(),

    -- When the session ends, even if it is in use.
    expires_at timestamptz not null default now() + interval '30 days',

    ended_at timestamptz,
    constraint user_sessions_started_at_agrees check (started_at <= ended_at),

    is_active boolean not null default true,
    constraint user_sessions_ended_at_agrees check (is_active = (ended_at is null))
);

create index idx_user_session_active on user_sessions (user_id, is_active);

-- For sessions/expire_idle, which ends idle and expired sessions. Only a few of all stored sessions are active.
create index idx_session_activity on user_sessions (last_activity_at) where is_active;

create index idx_session_expiry on user_sessions (expires_at) where is_active;

-- Locks a session until the commit, for those who end many; false if another transaction has locked it.
create function hold_session(user_id uuid, session_id uuid) returns boolean
language plpgsql
set search_path = pg_catalog, public, pg_temp
as $$
begin
    perform
    from user_sessions
    where
        user_sessions.user_id = hold_session.user_id
        and user_sessions.id = hold_session.session_id
    for no key update skip locked;
    return found;
end
$$;

-- The counts of failed log-ins, by identifier and network. An identifier need not belong to an account, and its row
-- does not show whether it does. A row with an empty identifier counts all failures from a network. A row with an empty
-- network counts all failures on an identifier.
create table login_attempts (
    -- SHA-256 of the folded e-mail address or of the account's id.
    identifier_hash bytea not null,
    constraint login_attempts_identifier_hash_length check (octet_length(identifier_hash) in (0, 32)),

    -- An IPv4 address, or the /64 network of an IPv6 address, because a single connection has a whole such network.
    network text not null,
    constraint login_attempts_network_length check (char_length(network) <= 50),
    constraint login_attempts_pkey primary key (identifier_hash, network),

    failures integer not null default 0,
    constraint login_attempts_failures_range check (failures >= 0),

    last_failed_at timestamptz not null default now(),
    succeeded_at timestamptz
);

create index idx_login_attempt_age on login_attempts (last_failed_at);

-- The hashes under which failures on the learner's own account are counted: that of the address for log-ins, and that
-- of the id for guesses of the current password.
create function own_identifiers() returns bytea[]
language plpgsql stable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return (
        select
            array[
                sha256(convert_to(fold_name(users.email), 'UTF8')),
                sha256(convert_to(users.id::text, 'UTF8'))
            ]
        from users
        where users.id = nullif(current_setting('app.current_user_id', true), '')::uuid
    );
end
$$;

-- The links that have been sent and not yet used. A person with the token can read the mail of the account. There is
-- one link for each purpose: a new one voids the older one, and using a link deletes it.
create table user_tokens (
    user_id uuid not null,
    constraint user_tokens_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    purpose text not null,
    constraint user_tokens_pkey primary key (user_id, purpose),
    constraint user_tokens_purpose_known check (purpose in ('EMAIL_VERIFICATION', 'PASSWORD_RESET', 'EMAIL_CHANGE')),

    token_hash bytea not null,
    constraint user_tokens_token_hash_length check (octet_length(token_hash) = 32),

    -- The address to which the link was sent. If the account has another address by now, the link does not verify that
    -- one. An address that the account could not have is refused before the mail is sent.
    email text not null,
    constraint user_tokens_email_length check (char_length(email) <= 254),
    constraint user_tokens_email_form
    check (email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$' and unseen_in(email, true) is null),

    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);

create index idx_user_token_expiry on user_tokens (expires_at);
