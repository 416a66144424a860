-- Hold an account: until the commit no session of it starts, and nobody else changes its password.
--
-- @role app_service
-- @step how a change of the password begins that ends the sessions: it must see those that are just starting
-- @budget buffers 13
-- @never Seq Scan on users
select users.id
from users
where users.id = %(user_id)s
for no key update;
