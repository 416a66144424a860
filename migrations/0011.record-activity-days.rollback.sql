-- Loses the days of activity, and so what streaks are counted from; the streaks themselves stay.

drop function next_streak(integer, date, date);

alter table user_profiles drop column last_activity_on;

drop table user_activity_days;
