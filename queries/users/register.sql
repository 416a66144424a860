-- A new account with its profile. The hash is that of bcrypt; the password itself is never sent.
--
-- @role app_service
-- @across the account is created here, with its id
-- @sample avatar_url: null
-- @sample email: 'a-new-learner@example.org'
-- @sample first_name: 'Ada'
-- @sample last_name: null
-- @sample password_hash: '$2b$04$' || repeat('a', 53)
-- @sample timezone: 'UTC'
-- @sample username: 'a-new-learner'
-- @budget buffers 49
with new_user as (
    insert into users (id, email, username, password_hash, first_name, last_name, avatar_url)
    values (
        coalesce(%(id)s::uuid, uuidv7()),
        %(email)s,
        %(username)s,
        %(password_hash)s,
        %(first_name)s,
        %(last_name)s,
        %(avatar_url)s
    )
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

new_profile as (
    insert into user_profiles (user_id, timezone)
    select
        new_user.id,
        %(timezone)s
    from new_user
    returning user_profiles.user_id
)

select
    new_user.id,
    new_user.email,
    new_user.username,
    new_user.first_name,
    new_user.last_name,
    new_user.avatar_url,
    new_user.is_active,
    new_user.email_verified,
    new_user.last_login_at,
    new_user.created_at,
    new_user.updated_at,
    new_user.created_by,
    new_user.updated_by
from new_user
inner join new_profile on new_profile.user_id = new_user.id;
