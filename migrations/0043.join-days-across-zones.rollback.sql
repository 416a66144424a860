-- Loses when a day's learning began, and which days were given back and why: they stay as days of learning. Of those
-- that only join others, the ones without learning go, and the streaks over them break.

revoke insert (user_id, activity_date, minutes, learnt_at, is_counted) on user_activity_days from app_engine;

grant insert on user_activity_days to app_engine;

create function next_streak(streak integer, last_on date, learnt_on date) returns integer
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return case
        when learnt_on <= last_on then streak
        when learnt_on = last_on + 1 then streak + 1
        else 1
    end;
end
$$;

create function longest_streak(days date[]) returns integer
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return (
        select max(run.days)
        from (
            select count(*)::integer as days
            from (
                select numbered.day - row_number() over (order by numbered.day)::integer as run
                from (select distinct unnest(days) as day) as numbered
            ) as numbered_day
            group by numbered_day.run
        ) as run
    );
end
$$;

create function latest_streak(days date[]) returns integer
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return (
        select nullif(count(*), 0)
        from (
            select
                numbered.day,
                max(numbered.day) over () - row_number() over (order by numbered.day desc)::integer + 1 as unbroken
            from (select distinct unnest(days) as day) as numbered
        ) as numbered_day
        where numbered_day.day = numbered_day.unbroken
    );
end
$$;

grant execute on function next_streak(integer, date, date) to app_user;

grant execute on function longest_streak(date[]), latest_streak(date[]) to app_engine;

drop view streaks;

delete from user_activity_days
where not user_activity_days.is_counted and user_activity_days.learnt_at is null and user_activity_days.minutes = 0;

create view streaks with (security_invoker = true) as
select
    numbered.user_id,
    max(numbered.activity_date) as ends_on,
    count(*)::integer as days
from (
    select
        user_activity_days.user_id,
        user_activity_days.activity_date,
        user_activity_days.activity_date
        - row_number() over (
            partition by user_activity_days.user_id
            order by user_activity_days.activity_date
        )::integer as run
    from user_activity_days
) as numbered
group by numbered.user_id, numbered.run;

grant select on streaks to app_user;

revoke select on streaks from app_service;

drop function longest_streak(date[], date[]);

drop function late_day(date[], timestamptz[], boolean[], date, timestamptz);

drop function next_day(integer, timestamptz, integer, date, timestamptz, interval, timestamptz, timestamp);

drop type streak_step;

drop function streak_goes_on(date, timestamptz, interval, timestamptz, timestamp);

alter table user_profiles drop column streak_started_at;

alter table user_profiles drop column last_activity_offset;

drop index idx_activity_day_joining;

alter table user_activity_days drop column excuse;

alter table user_activity_days drop column is_counted;

alter table user_activity_days drop column learnt_at;

call audit_table('user_activity_days', 'user_id', 'activity_date', is_ledger => true);

call audit_table(
    'user_profiles', 'user_id', 'user_id',
    '{total_xp, current_level, current_streak, max_streak, last_activity_at, last_activity_on, skills_completed,
    hours_learned, trees_started, trees_completed}'
);
