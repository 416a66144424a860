-- Where a learner is logged in, and what keeps an account from everybody but its owner: failed log-ins are counted, and
-- links that are sent by mail work once. Of every token only the hash is stored: whoever copies a table can use none.

create table user_sessions (
    user_id uuid not null,
    constraint user_sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    id uuid not null default uuidv7(),
    constraint user_sessions_pkey primary key (user_id, id),

    -- SHA-256 of a token of 256 random bits. The token also says whose it is, so that one look in this index finds the
    -- session, wherever the learner's rows are. Nobody can show a session without a token.
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

    -- When the session ends, however much it is used.
    expires_at timestamptz not null default now() + interval '30 days',

    ended_at timestamptz,
    constraint user_sessions_started_at_agrees check (started_at <= ended_at),

    is_active boolean not null default true,
    constraint user_sessions_ended_at_agrees check (is_active = (ended_at is null))
);

create index idx_user_session_active on user_sessions (user_id, is_active);

-- For the housekeeping that ends idle and expired sessions. Of all sessions ever, few are in use.
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

-- Failed log-ins, by who was tried and from where. What is tried need not exist, and nothing here tells whether it
-- does. A row with an empty identifier counts all that came from a network; one with an empty network counts all that
-- were for an identifier.
create table login_attempts (
    -- SHA-256 of the folded e-mail address, or of the account's id.
    identifier_hash bytea not null,
    constraint login_attempts_identifier_hash_length check (octet_length(identifier_hash) in (0, 32)),

    -- An IPv4 address, or the /64 of an IPv6 one: a single line has as many IPv6 addresses as it wants.
    network text not null,
    constraint login_attempts_network_length check (char_length(network) <= 50),
    constraint login_attempts_pkey primary key (identifier_hash, network),

    failures integer not null default 0,
    constraint login_attempts_failures_range check (failures >= 0),

    last_failed_at timestamptz not null default now(),
    succeeded_at timestamptz
);

create index idx_login_attempt_age on login_attempts (last_failed_at);

-- The hashes under which failed log-ins to the learner's own account are counted: of the address, and of the id, under
-- which guesses of the password are.
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

-- The links that are under way. Whoever shows the token of one reads the mail of the account. There is one for each
-- purpose: asking again voids the older link, and using it removes it.
create table user_tokens (
    user_id uuid not null,
    constraint user_tokens_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    purpose text not null,
    constraint user_tokens_pkey primary key (user_id, purpose),
    constraint user_tokens_purpose_known check (purpose in ('EMAIL_VERIFICATION', 'PASSWORD_RESET', 'EMAIL_CHANGE')),

    token_hash bytea not null,
    constraint user_tokens_token_hash_length check (octet_length(token_hash) = 32),

    -- Where the link was sent: it proves nothing about an address that the account has got since. An address that the
    -- account would not take is refused before a mail is sent.
    email text not null,
    constraint user_tokens_email_length check (char_length(email) <= 254),
    constraint user_tokens_email_form
    check (email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$' and unseen_in(email, true) is null),

    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);

create index idx_user_token_expiry on user_tokens (expires_at);
