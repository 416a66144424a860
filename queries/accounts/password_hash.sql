-- Return the password hash of an account, and the names that its password must not contain.
--
-- @role app_service
-- @step authenticate and change_password compare the password with it
-- @budget buffers 11
-- @never Seq Scan on users
select
    users.password_hash,
    users.email,
    users.username
from users
where
    users.id = %(user_id)s
    and users.is_active;
