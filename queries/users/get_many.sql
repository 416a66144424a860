-- Accounts by their ids, in any order.
--
-- @role app_service
-- @across reads several accounts
-- @sample user_ids: array[%(user_id)s::uuid]
-- @budget buffers 24
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
where users.id = any(%(user_ids)s::uuid[])
order by users.id;
