-- Use a link that was sent to an address, and set a new password. All sessions end, and log-in counts start again.
--
-- @role app_service
-- @after accounts/request_password_reset
-- @budget buffers 99
-- @never Seq Scan on user_sessions, users
with used_token as (
    delete from user_tokens
    where
        user_tokens.user_id = %(user_id)s
        and user_tokens.purpose = 'PASSWORD_RESET'
        and user_tokens.token_hash = %(token_hash)s
        and user_tokens.expires_at > now()
    returning
        user_tokens.user_id,
        user_tokens.email
),

changed_user as (
    update users
    set
        password_hash = %(new_hash)s,
        updated_at = now()
    from used_token
    where
        users.id = %(user_id)s
        and users.id = used_token.user_id
        and users.email = used_token.email
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
    returning user_sessions.id
),

identifier as (
    select sha256(convert_to(fold_name(changed_user.email), 'UTF8')) as hash
    from changed_user
),

forgotten_attempt as (
    update login_attempts
    set failures = 0
    from identifier
    where login_attempts.identifier_hash = identifier.hash
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
