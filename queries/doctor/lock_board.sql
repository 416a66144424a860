-- Hold off whoever else is about to mend the counts of a leaderboard: a correction must be added only once. Learners
-- need not wait.
--
-- @role app_service
-- @budget buffers 8
select pg_advisory_xact_lock(hashtextextended('counts of leaderboard ' || %(board)s || ' ' || %(starts_on)s, 0));
