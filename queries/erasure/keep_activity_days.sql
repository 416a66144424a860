-- The days on which an erased learner learnt, as nobody's: streaks and hours follow from them.
--
-- nobody_id  whose they are from now on
--
-- @role app_service
-- @across what is kept becomes nobody's
-- @after erasure/keep_account
-- @budget buffers 960
-- @never Seq Scan on user_activity_days
insert into user_activity_days (user_id, activity_date, minutes, learnt_at, is_counted, excuse)
select
    %(nobody_id)s::uuid,
    user_activity_days.activity_date,
    user_activity_days.minutes,
    date_trunc('day', user_activity_days.learnt_at, 'UTC'),
    user_activity_days.is_counted,
    -- Not the words, which may tell who it was.
    case when user_activity_days.excuse is not null then 'given back' end
from user_activity_days
where user_activity_days.user_id = %(user_id)s
returning user_activity_days.activity_date;
