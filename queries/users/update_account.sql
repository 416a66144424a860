-- Change the names or avatar of an account: what its owner may change without the password.
--
-- changes  a JSON object of the columns to change; the others keep their value
--
-- @sample changes: '{"first_name": "Augusta"}'
-- @budget buffers 43
-- @never Seq Scan on users
update users
set
    (username, first_name, last_name, avatar_url) = (
        select
            changed.username,
            changed.first_name,
            changed.last_name,
            changed.avatar_url
        from jsonb_to_record(
            jsonb_build_object(
                'username', users.username,
                'first_name', users.first_name,
                'last_name', users.last_name,
                'avatar_url', users.avatar_url
            ) || %(changes)s::jsonb
        ) as changed (username text, first_name text, last_name text, avatar_url text)
    ),
    updated_at = now()
where users.id = %(user_id)s
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
    users.updated_by;
