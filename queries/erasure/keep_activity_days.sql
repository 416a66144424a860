-- Copy the days of activity of an erased learner to the account without an owner: streaks and hours follow from them.
--
-- nobody_id  the account that gets them
--
-- @role app_service
-- @across kept rows move to another account
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
    -- Without the text of the reason, which may show who it was.
    case when user_activity_days.excuse is not null then 'given back' end
from user_activity_days
where user_activity_days.user_id = %(user_id)s
returning user_activity_days.activity_date;
