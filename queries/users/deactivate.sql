-- Close an account: nobody can use it, and its data stays.
--
-- @role app_service
-- @budget buffers 38
-- @never Seq Scan on users
update users
set
    is_active = false,
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
