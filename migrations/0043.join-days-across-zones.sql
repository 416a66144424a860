-- Streaks that survive a journey over the date line, cannot be earned by changing zones, and can be given back.
--
-- A day stays what it was noted as. What else there is to know of it is noted at the time, too, so that streaks follow
-- from what is stored, whatever becomes of the learner's zone: from when it is, and whether it counts.

-- The first activity of the day; null where that is not known, or there was none.
alter table user_activity_days add column learnt_at timestamptz;

-- A day that does not count joins those around it all the same: one that a journey has skipped, or one more than there
-- were days on Earth.
alter table user_activity_days add column is_counted boolean not null default true;

-- Why a missed day counts: the service gave it back.
alter table user_activity_days add column excuse text
constraint user_activity_days_excuse_length check (char_length(excuse) between 1 and 500)
constraint user_activity_days_excuse_agrees check (excuse is null or is_counted);

-- Of hardly any day.
-- squawk-ignore require-concurrent-index-creation
create index idx_activity_day_joining on user_activity_days (user_id, activity_date) include (is_counted)
where not is_counted or excuse is not null;

-- How far the learner's clock (local_clock) was ahead of UTC when they were last active.
alter table user_profiles add column last_activity_offset interval;

-- When the streak began; null where that is not known, as from before.
alter table user_profiles add column streak_started_at timestamptz;

-- Whether learning now goes on with the streak of what was learnt last: on the same day, on the next, or where dates
-- were skipped that the learner has hardly had. Within 24 hours nobody misses a day; within 36 nobody does whose clock
-- has been put forward by 12 or more, which is what the date line does.
create function streak_goes_on(
    last_on date, last_at timestamptz, last_offset interval, moment timestamptz, clock timestamp
) returns boolean
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return coalesce(
        clock::date <= last_on + 1
        or moment - last_at <= interval '24 hours'
        or (
            moment - last_at <= interval '36 hours'
            and clock - timezone('UTC', moment) - last_offset >= interval '12 hours'
        ),
        false
    );
end
$$;

-- What another day of learning makes of a learner's streaks: how long the latest is then, since when, and the longest;
-- whether the day counts, and how many dates were skipped before it.
create type streak_step as (
    streak integer,
    started_at timestamptz,
    longest integer,
    is_counted boolean,
    skipped integer
);

-- For a day after the last one.
--
-- The second day of a streak may come right after the first, and each one more takes a day on Earth: whoever changes
-- zones, or flies around the Earth, has no more days than those who stay. Two hours less for daylight-saving time.
create function next_day(
    streak integer,
    started_at timestamptz,
    longest integer,
    last_on date,
    last_at timestamptz,
    last_offset interval,
    moment timestamptz,
    clock timestamp
) returns streak_step
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    is_counted boolean;
begin
    if not streak_goes_on(last_on, last_at, last_offset, moment, clock) then
        return row(1, moment, greatest(longest, 1), true, 0);
    end if;
    is_counted := coalesce(moment >= started_at + (streak - 1) * interval '24 hours' - interval '2 hours', true);
    return row(
        streak + is_counted::integer,
        case when is_counted and moment < started_at then moment else started_at end,
        greatest(longest, streak + is_counted::integer),
        is_counted,
        clock::date - last_on - 1
    );
end
$$;

-- For a day before the last one, beside all that are known. It may close a gap, after a late report; or it is what a
-- clock put back has shown again, which counts within the same bounds as a day that follows. A day that is known stays
-- as it is.
create function late_day(
    days date[], moments timestamptz[], counted boolean[], late_on date, late_at timestamptz
) returns streak_step
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
declare
    is_new constant boolean := late_on <> all(days);
    step streak_step;
begin
    if is_new then
        days := days || late_on;
        moments := moments || late_at;
        counted := counted || true;
    end if;
    -- Once, and again if the day turns out not to count.
    for attempt in 1 .. 2 loop
        select
            (array_agg(run.days order by run.ends_on desc))[1],
            (array_agg(run.starts_at order by run.ends_on desc))[1],
            max(run.days),
            bool_and(
                late_on not between run.begins_on and run.ends_on
                or run.until - run.starts_at >= (run.days - 2) * interval '24 hours' - interval '2 hours'
            ),
            0
        into step
        from (
            select
                min(numbered.day) as begins_on,
                max(numbered.day) as ends_on,
                count(*) filter (where numbered.is_counted)::integer as days,
                min(numbered.moment) filter (where numbered.is_counted) as starts_at,
                max(numbered.moment) filter (where numbered.is_counted) as until
            from (
                select
                    known.day,
                    coalesce(known.moment, timezone('UTC', known.day::timestamp)) as moment,
                    known.is_counted,
                    known.day - row_number() over (order by known.day)::integer as run
                from unnest(days, moments, counted) as known (day, moment, is_counted)
            ) as numbered
            group by numbered.run
        ) as run;
        exit when step.is_counted or not is_new;
        counted[array_position(days, late_on)] := false;
    end loop;
    step.is_counted := counted[array_position(days, late_on)];
    return step;
end
$$;

-- The most of these days in a row, joined by others that do not count. None of none.
create function longest_streak(days date[], joining date[]) returns integer
language plpgsql immutable parallel safe
set search_path = pg_catalog, public, pg_temp
as $$
begin
    return (
        select max(run.days)
        from (
            select count(*) filter (where numbered.day <> all(joining))::integer as days
            from (
                select
                    known.day,
                    known.day - row_number() over (order by known.day)::integer as run
                from (
                    select unnest(days) as day
                    union
                    select unnest(joining) as day
                ) as known
            ) as numbered
            group by numbered.run
        ) as run
    );
end
$$;

-- The runs of days in a row on which a learner learnt something, each with its last and its first day. The days that do
-- not count are joined, and not read from the same row: there are few, and an index has all else.
create or replace view streaks with (security_invoker = true) as
select
    numbered.user_id,
    max(numbered.activity_date) as ends_on,
    count(*) filter (where numbered.is_counted)::integer as days,
    min(numbered.activity_date) as begins_on
from (
    select
        day.user_id,
        day.activity_date,
        uncounted.activity_date is null as is_counted,
        day.activity_date
        - row_number() over (
            partition by day.user_id
            order by day.activity_date
        )::integer as run
    from user_activity_days as day
    left join (
        select
            user_activity_days.user_id,
            user_activity_days.activity_date
        from user_activity_days
        where not user_activity_days.is_counted
    ) as uncounted
        on
            uncounted.user_id = day.user_id
            and uncounted.activity_date = day.activity_date
) as numbered
group by numbered.user_id, numbered.run;

-- Only the statements of before called it.
-- squawk-ignore ban-drop-function
drop function next_streak(integer, date, date);

-- Only the statements of before called it.
-- squawk-ignore ban-drop-function
drop function latest_streak(date[]);

-- Only the statements of before called it.
-- squawk-ignore ban-drop-function
drop function longest_streak(date[]);

grant execute on function
streak_goes_on(date, timestamptz, interval, timestamptz, timestamp),
longest_streak(date[], date[])
to app_user;

grant execute on function
next_day(integer, timestamptz, integer, date, timestamptz, interval, timestamptz, timestamp),
late_day(date[], timestamptz[], boolean[], date, timestamptz)
to app_engine;

grant usage on type streak_step to app_engine;

grant update (last_activity_offset, streak_started_at) on user_profiles to app_engine;

-- Who acts for a learner cannot excuse a day.
revoke insert on user_activity_days from app_engine;

grant insert (user_id, activity_date, minutes, learnt_at, is_counted) on user_activity_days to app_engine;

call audit_table('user_activity_days', 'user_id', 'activity_date', is_ledger => true);

call audit_table(
    'user_profiles', 'user_id', 'user_id',
    '{total_xp, current_level, current_streak, max_streak, last_activity_at, last_activity_on, last_activity_offset,
    streak_started_at, skills_completed, hours_learned, trees_started, trees_completed}'
);
