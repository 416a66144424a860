-- The new index takes the place and the name of the one of all sessions, which nothing else used and every note that a
-- session was used had to write.
--
-- @compatible

-- Locks the table for an instant. Concurrently, it could not be in one transaction with the rename.
-- squawk-ignore require-concurrent-index-deletion
drop index idx_session_activity;

-- No client names an index.
-- squawk-ignore renaming-object
alter index idx_session_idle rename to idx_session_activity;
