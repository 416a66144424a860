-- Use a link that was sent to a new address. The address becomes that of the account and is verified. Other links
-- become void, failures counted for the old address are deleted, and the other sessions end.
--
-- keep_session_id  the session that stays open; null ends all of them
--
-- @role app_service
-- @after accounts/request_email_change
-- @budget buffers 86
-- @never Seq Scan on user_sessions, users
with used_token as (
    delete from user_tokens
    where
        user_tokens.user_id = %(user_id)s
        and user_tokens.purpose = 'EMAIL_CHANGE'
        and user_tokens.token_hash = %(token_hash)s
        and user_tokens.expires_at > now()
    returning
        user_tokens.user_id,
        user_tokens.email
),

-- Materialized, because a distributed server runs the parts in order: this one before the change.
old_address as materialized (
    select
        users.id,
        users.email
    from users
    where users.id = %(user_id)s
),

changed_user as (
    update users
    set
        email = used_token.email,
        email_verified = true,
        updated_at = now()
    from used_token
    where
        users.id = %(user_id)s
        and users.id = used_token.user_id
        and users.is_active
    returning
        users.id,
        users.email,
        users.username,
        users.first_name,
        users.last_name,
        users.avatar_url,
        users.is_active,
        users.email_verified,
        users.last_login_at,
        users.created_at,
        users.updated_at,
        users.created_by,
        users.updated_by
),

voided_token as (
    delete from user_tokens
    using changed_user
    where
        user_tokens.user_id = %(user_id)s
        and user_tokens.user_id = changed_user.id
        and user_tokens.purpose <> 'EMAIL_CHANGE'
    returning user_tokens.purpose
),

ended_session as (
    update user_sessions
    set
        is_active = false,
        ended_at = now()
    from changed_user
    where
        user_sessions.user_id = %(user_id)s
        and user_sessions.user_id = changed_user.id
        and user_sessions.is_active
        and user_sessions.id is distinct from %(keep_session_id)s::uuid
    returning user_sessions.id
),

old_identifier as materialized (
    select sha256(convert_to(fold_name(old_address.email), 'UTF8')) as identifier_hash
    from old_address
    inner join changed_user on changed_user.id = old_address.id
    where fold_name(old_address.email) <> fold_name(changed_user.email)
),

forgotten_attempt as (
    delete from login_attempts
    using old_identifier
    where login_attempts.identifier_hash = old_identifier.identifier_hash
    returning login_attempts.network
),

-- Counts of networks that the account no longer needs, if they are 0 or expired.
forgotten_place as (
    delete from login_attempts
    using forgotten_attempt
    where
        login_attempts.identifier_hash = ''::bytea
        and login_attempts.network = forgotten_attempt.network
        and (
            login_attempts.failures = 0
            or login_attempts.last_failed_at < now() - interval '1 hour'
        )
    returning login_attempts.network
)

select
    changed_user.id,
    changed_user.email,
    changed_user.username,
    changed_user.first_name,
    changed_user.last_name,
    changed_user.avatar_url,
    changed_user.is_active,
    changed_user.email_verified,
    changed_user.last_login_at,
    changed_user.created_at,
    changed_user.updated_at,
    changed_user.created_by,
    changed_user.updated_by
from changed_user;
