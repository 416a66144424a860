-- Mark the e-mail address of an account as verified.
--
-- @role app_service
-- @budget buffers 38
-- @never Seq Scan on users
update users
set
    email_verified = true,
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
