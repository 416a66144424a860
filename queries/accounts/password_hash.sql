-- What to check the password of an account against, and what its password must not be.
--
-- @role app_service
-- @step what authenticate and change_password compare with
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
