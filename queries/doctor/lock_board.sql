-- Exclude other repairs of the counts of a leaderboard, because a correction must be added only once. Learners need not
-- wait.
--
-- @role app_service
-- @step the first step of repairing a leaderboard
-- @budget buffers 8
select
    pg_advisory_xact_lock(
        hashtextextended('counts of leaderboard ' || %(board)s::leaderboard || ' ' || %(starts_on)s::date, 0)
    );
