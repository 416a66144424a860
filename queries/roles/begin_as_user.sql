-- Begin a transaction of one learner. Until it ends, no other learner's rows are visible. Null is a visitor without
-- rows.
--
-- @budget buffers 8
select begin_as_user(%(user_id)s::uuid);
