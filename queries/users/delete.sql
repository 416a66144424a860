-- Delete an account with all rows of the learner.
--
-- @role app_service
-- @step also the last step of erase
-- @budget buffers 5500
-- @never Seq Scan on users
delete from users
where users.id = %(user_id)s
returning users.id;
