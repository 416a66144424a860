-- Reopen a closed account. Accounts without an owner, left by erased learners, are not reopened.
--
-- @role app_service
-- @budget buffers 38
-- @never Seq Scan on users
update users
set
    is_active = true,
    updated_at = now()
where
    users.id = %(user_id)s
    and users.email <> 'deleted-' || users.id || '@deleted.invalid'
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
