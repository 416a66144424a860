-- The calendar days on which a learner learnt something, by the calendar of the zone that was theirs at the time. A day
-- is written once and stays what it was when the zone changes: what streaks are counted from.

create table user_activity_days (
    user_id uuid not null,
    activity_date date not null,
    minutes integer not null default 0,
    constraint user_activity_days_pkey primary key (user_id, activity_date),
    constraint user_activity_days_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint user_activity_days_minutes_range check (minutes >= 0)
);

-- The latest of these days: with it the next streak follows from the last one without looking at the days.
alter table user_profiles add column last_activity_on date;

-- A streak that was noted before days were.
insert into user_activity_days (user_id, activity_date)
select
    user_profiles.user_id,
    (user_profiles.last_activity_at at time zone coalesce(user_profiles.timezone, 'UTC'))::date - day.ago
from user_profiles
cross join generate_series(0, greatest(user_profiles.current_streak, 1) - 1) as day (ago)
where user_profiles.last_activity_at is not null;

update user_profiles
set last_activity_on = (user_profiles.last_activity_at at time zone coalesce(user_profiles.timezone, 'UTC'))::date
where user_profiles.last_activity_at is not null;

-- The streak after a day of learning. A day before the last one changes nothing here: whether it closes a gap only
-- the days can tell.
create function next_streak(streak integer, last_on date, learnt_on date) returns integer
language plpgsql immutable parallel safe
set search_path = pg_catalog, public
as $$
begin
    return case
        when learnt_on <= last_on then streak
        when learnt_on = last_on + 1 then streak + 1
        else 1
    end;
end
$$;
