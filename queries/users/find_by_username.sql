-- The account with a user name, in any case and form.
--
-- @role app_service
-- @across it looks for the account of a user name
-- @sample username: (select username from users where id = %(user_id)s)
-- @budget buffers 11
-- @never Seq Scan on users
select
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
from users
where fold_name(users.username) = fold_name(%(username)s);
