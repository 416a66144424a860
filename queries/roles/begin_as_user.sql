-- Begin a transaction of one learner. Until it ends, no other learner's rows are visible. Null is a visitor without
-- rows.
--
-- is_acting  whether the transaction writes what follows from the learner's actions
--
-- @sample is_acting: true
-- @budget buffers 8
select begin_as_user(%(user_id)s::uuid, %(is_acting)s::boolean);
