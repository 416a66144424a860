-- Begin a transaction of one learner's: nothing of others is there until it ends. Null is a visitor, who has nothing.
--
-- @budget buffers 8
select begin_as_user(%(user_id)s::uuid);
