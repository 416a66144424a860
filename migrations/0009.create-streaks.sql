-- The days on which learners learn, and the streaks they make. A streak survives a journey over the date line, cannot
-- be earned by changing zones, and a missed day can be given back.

-- A day is the learner's own calendar day at the time, and stays so when their zone changes. Whatever else must be
-- known of a day is noted with it, so that streaks follow from what is stored.
create table user_activity_days (
    user_id uuid not null,
    constraint user_activity_days_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    activity_date date not null,
    constraint user_activity_days_pkey primary key (user_id, activity_date),

    minutes bigint not null default 0,
    constraint user_activity_days_minutes_range check (minutes >= 0),

    -- The first activity of the day. Null where it is not known, or there was none.
    learnt_at timestamptz,

    -- A day that does not count still joins the days around it: one that a journey has skipped, or one more than there
    -- were days on Earth.
    is_counted boolean not null default true,

    -- Why a missed day counts: the service gave it back.
    excuse text,
    constraint user_activity_days_excuse_length check (char_length(excuse) between 1 and 500),
    constraint user_activity_days_excuse_agrees check (excuse is null or is_counted)
);

-- The few days that join others without learning.
create index idx_activity_day_joining on user_activity_days (user_id, activity_date) include (is_counted)
where not is_counted or excuse is not null;

-- Whether learning now continues the streak of what was learnt last: on the same day, on the next one, or after dates
-- that the learner's clock has skipped. Within 24 hours nobody misses a day. Within 36 hours nobody does whose clock
-- was put forward by 12 or more, which is what the date line does.
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

-- What another day of learning makes of a learner's streaks: the length of the latest and when it began, the length of
-- the longest, whether the day counts, and how many dates were skipped before it.
create type streak_step as (
    streak integer,
    started_at timestamptz,
    longest integer,
    is_counted boolean,
    skipped integer
);

-- For a day after the last one.
--
-- The second day of a streak may come right after the first, and each further day takes a day on Earth: whoever changes
-- zones, or flies around the Earth, has no more days than those who stay. Two hours are allowed for daylight-saving
-- time.
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

-- For a day before the last one, given with all days that are known. It may close a gap, after a late report. Or a
-- clock that was put back has shown the date again: then it counts within the same bounds as a day that follows. A day
-- that is known already stays as it is.
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
    -- Counted once, and a second time without the new day if it turns out not to count.
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

-- The most of these days in a row, where `joining` joins them and counts for nothing. Null when there are none.
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

-- The runs of days in a row on which a learner learnt, each with its last and its first day. The days that do not count
-- are few, and an index has all else, so they are joined rather than read from the row.
create view streaks with (security_invoker = true) as
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
