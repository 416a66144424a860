-- Remove the actor from the rest of the transaction if learners have their own account erased. Otherwise later entries
-- would show who it was.
--
-- @role app_service
-- @budget buffers 8
select begin_as_service(null)
where current_setting('app.actor_id', true) = %(user_id)s::uuid::text;
