-- Change a password, unless it has changed since the old one was checked. The other sessions end, links that could
-- change the password become void, and counted guesses of the old one are deleted.
--
-- keep_session_id  the session that stays open; null ends all of them
-- email            the identifier for which guesses are counted: the id
--
-- @role app_service
-- @budget buffers 98
-- @never Seq Scan on user_sessions, users
with changed_user as (
    update users
    set
        password_hash = %(new_hash)s,
        updated_at = now()
    where
        users.id = %(user_id)s
        and users.is_active
        and users.password_hash = %(password_hash)s
    returning users.id
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

voided_token as (
    delete from user_tokens
    using changed_user
    where
        user_tokens.user_id = %(user_id)s
        and user_tokens.user_id = changed_user.id
        and user_tokens.purpose = 'PASSWORD_RESET'
    returning user_tokens.purpose
),

taken_back as (
    update login_attempts
    set failures = 0
    from changed_user
    where login_attempts.identifier_hash = sha256(convert_to(fold_name(%(email)s), 'UTF8'))
    returning login_attempts.network
)

select changed_user.id
from changed_user;
