-- The accounts, the learners who were active in the last day and week, and the skills completed in the last day and
-- hour.
--
-- @role app_service
-- @across counts learners
-- @budget buffers 100
select
    (
        -- An estimate, which reads no row.
        select greatest(pg_class.reltuples, 0)::bigint
        from pg_class
        where pg_class.oid = to_regclass('users')
    ) as accounts,
    (
        select count(*)
        from user_profiles
        where user_profiles.last_activity_at > now() - interval '1 day'
    ) as active_in_a_day,
    (
        select count(*)
        from user_profiles
        where user_profiles.last_activity_at > now() - interval '7 days'
    ) as active_in_a_week,
    (
        select count(*)
        from user_skill_progress
        where user_skill_progress.completed_at > now() - interval '1 day'
    ) as completed_in_a_day,
    (
        select count(*)
        from user_skill_progress
        where user_skill_progress.completed_at > now() - interval '1 hour'
    ) as completed_in_an_hour;
