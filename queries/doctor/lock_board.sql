-- Hold off whoever else is about to mend the counts of a leaderboard: a correction must be added only once. Learners
-- need not wait.
--
-- @role app_service
-- @step how doctor.repair begins with a leaderboard
-- @budget buffers 8
select
    pg_advisory_xact_lock(
        hashtextextended('counts of leaderboard ' || %(board)s::leaderboard || ' ' || %(starts_on)s::date, 0)
    );
