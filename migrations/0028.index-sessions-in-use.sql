-- The sessions in use by when they were last used, for the housekeeping that ends the idle ones: of all sessions ever,
-- few are in use, and the index of all of them begins with what ended long ago.
--
-- Learners log in meanwhile. Should this be interrupted, `drop index idx_session_idle` and migrate again.
--
-- transactional: false
-- @compatible
create index concurrently idx_session_idle on user_sessions (last_activity_at) where is_active;
