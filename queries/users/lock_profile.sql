-- Lock a learner: until the commit, no other transaction changes the learner's results.
--
-- @role app_engine
-- @step the first step of changes that must wait for the learner's other actions
-- @budget buffers 13
-- @never Seq Scan on user_profiles
select
    user_profiles.user_id,
    refuse_old_snapshot()
from user_profiles
where user_profiles.user_id = %(user_id)s
for no key update;
