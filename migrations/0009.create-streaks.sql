-- The days on which learners learn, and the streaks of such days. A journey across the date line does not end a streak,
-- and changing the time zone does not lengthen one. The service can give a missed day back.

-- A day is the learner's calendar day at the time of the activity, and does not change with their time zone. Streaks
-- are computed from these rows alone.
create table user_activity_days (
    user_id uuid not null,
    constraint user_activity_days_user_id_fkey foreign key (user_id) references users (id) on delete cascade,

    activity_date date not null,
    constraint user_activity_days_pkey primary key (user_id, activity_date),

    minutes bigint not null default 0,
    constraint user_activity_days_minutes_range check (minutes >= 0),

    -- The first activity of the day. Null if it is unknown or there was none.
    learnt_at timestamptz,

    -- A day that does not count still joins the days around it. It is a date that a journey has skipped, or an extra
    -- date that a change of zones has added.
    is_counted boolean not null default true,

    -- The reason why the service gave a missed day back. Such a day counts.
    excuse text,
    constraint user_activity_days_excuse_length check (char_length(excuse) between 1 and 500),
    constraint user_activity_days_excuse_agrees check (excuse is null or is_counted)
);

-- The few days that join others without counting by themselves.
create index idx_activity_day_joining on user_activity_days (user_id, activity_date) include (is_counted)
where not is_counted or excuse is not null;

-- Whether an activity continues the streak of the last one: on the same day, on the next day, or after dates that the
-- learner's clock has skipped. An activity within 24 hours always does. One within 36 hours does if the clock was moved
-- forward by 12 hours or more, as at the date line.
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

-- A learner's streaks after another day of learning: the length and start of the latest streak, the length of the
-- longest, whether the new day counts, and how many dates were skipped before it.
create type streak_step as (
    streak integer,
    started_at timestamptz,
    longest integer,
    is_counted boolean,
    skipped integer
);

-- The streaks after a day that is later than all others.
--
-- The second day of a streak may come right after the first. Each further day counts only after another 24 hours since
-- the start. So nobody gets more days by changing zones or flying around the Earth. Two hours less are allowed, because
-- of daylight-saving time.
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

-- The streaks after a day that is earlier than the latest one, from all known days. A late report may close a gap, or a
-- clock that was moved back may show a date again. The day counts by the same rule as in next_day. A day that is
-- already known stays as it is.
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
    -- The second attempt runs if the new day turns out not to count.
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

-- The longest run of these days. The days in `joining` join them and do not count. Null if there are no days.
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

-- The runs of consecutive days on which a learner learned, each with its last and first day. Whether a day counts is
-- read by a join with the few days that do not, because an index-only scan gives everything else.
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
