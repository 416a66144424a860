-- The account with an e-mail address, in any case and form.
--
-- @role app_service
-- @across it looks for the account of an address
-- @sample email: (select upper(email) from users where id = %(user_id)s)
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
where fold_name(users.email) = fold_name(%(email)s);
