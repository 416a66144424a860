-- The new index takes the place and the name of the one of all sessions, which nothing else used and every note that a
-- session was used had to write.
--
-- @compatible

-- Locks the table for an instant. Concurrently, the name would be free for a while and the rename not part of it.
-- squawk-ignore require-concurrent-index-deletion
drop index idx_session_activity;

alter index idx_session_idle rename to idx_session_activity;
