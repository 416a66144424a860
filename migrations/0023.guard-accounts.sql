-- What keeps accounts from who is not their owner: failed log-ins are counted, and links sent by mail work once.

-- Log-ins that failed, by who was tried and from where. What is tried need not exist, and nothing here tells whether it
-- does. A row with an empty identifier counts all that came from a network, one with an empty network all that were for
-- an identifier.
create table login_attempts (
    -- SHA-256 of the e-mail address in lower case.
    identifier_hash bytea not null,
    -- An IPv4 address, or the /64 of an IPv6 one, of which a single line has as many addresses as it wants.
    network text not null,
    failures integer not null default 0,
    last_failed_at timestamptz not null default now(),
    succeeded_at timestamptz,
    constraint login_attempts_pkey primary key (identifier_hash, network),
    constraint login_attempts_identifier_hash_length check (octet_length(identifier_hash) in (0, 32)),
    constraint login_attempts_network_length check (char_length(network) <= 50),
    constraint login_attempts_failures_range check (failures >= 0)
);

create index idx_login_attempt_age on login_attempts (last_failed_at);

-- What a link in a mail shows: that whoever has it reads the mail of an account. One for each purpose, so that asking
-- again makes the older link void, and gone when it was used.
create table user_tokens (
    user_id uuid not null,
    purpose text not null,
    token_hash bytea not null,
    -- Where the link was sent: it says nothing about an address that the account has got since.
    email text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint user_tokens_pkey primary key (user_id, purpose),
    constraint user_tokens_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint user_tokens_purpose_known check (purpose in ('EMAIL_VERIFICATION', 'PASSWORD_RESET')),
    constraint user_tokens_token_hash_length check (octet_length(token_hash) = 32),
    constraint user_tokens_email_length check (char_length(email) <= 254)
);

create index idx_user_token_expiry on user_tokens (expires_at);

alter table login_attempts enable row level security;

alter table login_attempts force row level security;

alter table user_tokens enable row level security;

alter table user_tokens force row level security;

create policy login_attempts_service on login_attempts for all to app_service
using (true)
with check (true);

create policy user_tokens_own on user_tokens for all to app_user
using (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid)
with check (user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);

create policy user_tokens_service on user_tokens for all to app_service
using (true)
with check (true);

grant select, insert, update, delete on
login_attempts,
user_tokens
to app_service;

-- A learner's export tells of links that are under way, not what would use them.
grant select (
    user_id,
    purpose,
    email,
    created_at,
    expires_at
) on user_tokens to app_engine;
