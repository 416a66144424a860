-- When something happened is told by whoever reports it. What lies in the future is refused, and so is what lies too
-- far back: for a learner before the last days, so that no closed week is won and no long streak is made up, and before
-- the account was there; for the owner and the service, who bring in older facts, before the year 2000.

create function late_window() returns interval
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
declare
    given text := nullif(current_setting('skilltree.late_window', true), '');
    late_window interval := interval '7 days';
begin
    if given is not null then
        begin
            late_window := given::interval;
        exception
            when data_exception then
                raise exception 'skilltree.late_window is not an interval: "%"', given
                    using errcode = 'invalid_parameter_value', hint = 'Set it to one such as ''14 days''.';
        end;
        if late_window < interval '0' then
            raise exception 'skilltree.late_window is negative: "%"', given
                using errcode = 'invalid_parameter_value', hint = 'Set it to one such as ''14 days''.';
        end if;
    end if;
    -- Nothing is taken from before the year 2000, and a sum of times has an end.
    return least(late_window, interval '100 years');
end
$$;

-- What is wrong with a moment that is reported, null if nothing is. Clocks differ by up to a minute.
create function judge_moment(moment timestamptz, joined_at timestamptz) returns text
language plpgsql stable
set search_path = pg_catalog, public, pg_temp
as $$
begin
    if moment = now() then
        return null;
    end if;
    if moment > now() + interval '1 minute' then
        return 'IN_FUTURE';
    end if;
    if moment < timestamptz '2000-01-01 00:00:00+00' then
        return 'TOO_OLD';
    end if;
    if current_user in ('app_user', 'app_engine')
        and (moment < now() - late_window() or moment < joined_at - interval '1 minute')
    then
        return 'TOO_OLD';
    end if;
    return null;
end
$$;

revoke execute on function late_window(), judge_moment(timestamptz, timestamptz) from public;

grant execute on function late_window(), judge_moment(timestamptz, timestamptz) to app_user, app_service;
