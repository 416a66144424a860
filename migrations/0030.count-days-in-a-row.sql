-- Days in a row, counted from days in any order, for a statement that adds one to those that are stored. What is stored
-- already the view streaks counts.
--
-- @compatible

-- The most days in a row. None of none.
create function longest_streak(days date[]) returns integer
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public
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

-- The days in a row up to the last one. None of none.
create function latest_streak(days date[]) returns integer
language plpgsql immutable strict parallel safe
set search_path = pg_catalog, public
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

grant execute on function longest_streak(date[]), latest_streak(date[]) to app_engine;
