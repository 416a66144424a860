-- Loses the days of activity, from which streaks are counted. The streaks in the profiles stay.

drop view streaks;

drop function longest_streak(date[], date[]);

drop function late_day(date[], timestamptz[], boolean[], date, timestamptz);

drop function next_day(integer, timestamptz, integer, date, timestamptz, interval, timestamptz, timestamp);

drop type streak_step;

drop function streak_goes_on(date, timestamptz, interval, timestamptz, timestamp);

drop table user_activity_days;
