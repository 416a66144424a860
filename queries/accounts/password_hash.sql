-- What to check the password of an account against.
--
-- @role app_service
-- @step what authenticate and change_password compare with
-- @budget buffers 11
-- @never Seq Scan on users
select users.password_hash
from users
where
    users.id = %(user_id)s
    and users.is_active;
