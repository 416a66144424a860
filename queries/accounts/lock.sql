-- Lock an account. Until the commit no session of it starts, and nobody else changes its password.
--
-- @role app_service
-- @step the first step of a password change that ends the sessions: it must see those that are just starting
-- @budget buffers 13
-- @never Seq Scan on users
select users.id
from users
where users.id = %(user_id)s
for no key update;
