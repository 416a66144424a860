-- Hold a learner: nobody else changes what they have reached until the commit.
--
-- @role app_engine
-- @step how changes of a learner begin that must wait for their other actions
-- @budget buffers 13
-- @never Seq Scan on user_profiles
select
    user_profiles.user_id,
    refuse_old_snapshot()
from user_profiles
where user_profiles.user_id = %(user_id)s
for no key update;
