-- Loses the index, nothing else.
-- transactional: false
drop index concurrently idx_session_idle;
