-- Go on for nobody in particular where a learner has their own account erased: what is written from here on would
-- say who it was.
--
-- @role app_service
-- @budget buffers 8
select begin_as_service(null)
where current_setting('app.actor_id', true) = %(user_id)s::uuid::text;
