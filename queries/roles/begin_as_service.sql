-- Begin a transaction that works across learners.
--
-- actor_id  who does it; null is nobody in particular
--
-- @budget buffers 9
select begin_as_service(%(actor_id)s::uuid);
