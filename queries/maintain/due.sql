-- How many sessions, log-in counts and links are over, and how many of the trail's partitions for the coming months are
-- missing.
--
-- @role app_service
-- @across counts rows of all learners
-- @sample idle_for: interval '7 days'
-- @sample months_ahead: 12
-- @budget buffers 3300
select
    (
        select count(*)
        from user_sessions
        where
            user_sessions.is_active
            and (user_sessions.last_activity_at < now() - %(idle_for)s::interval or user_sessions.expires_at <= now())
    ) as sessions,
    (
        select count(*)
        from login_attempts
        where
            login_attempts.last_failed_at < now() - interval '1 day'
            and (login_attempts.succeeded_at is null or login_attempts.succeeded_at < now() - interval '180 days')
    ) as attempts,
    (
        select count(*)
        from user_tokens
        where user_tokens.expires_at <= now()
    ) as tokens,
    (
        select count(*)
        from generate_series(0, %(months_ahead)s::integer) as ahead (months)
        where
            to_regclass(
                to_char(now() at time zone 'UTC' + make_interval(months => ahead.months), '"audit_log_"YYYY"_"MM')
            ) is null
    ) as partitions;
