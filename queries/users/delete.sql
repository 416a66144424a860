-- Delete an account with everything a learner has done.
--
-- @role app_service
-- @step also how erase ends
-- @budget buffers 5500
-- @never Seq Scan on users
delete from users
where users.id = %(user_id)s
returning users.id;
