-- An account by its id.
--
-- @step other methods also find with it which id is unknown
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
where users.id = %(user_id)s;
