-- Lock a learner before an action, and return what they have reached: until the commit nobody else changes that.
--
-- @role app_engine
-- @step the second step of every action, after its tree is held
-- @budget buffers 13
-- @never Seq Scan on user_profiles
select
    user_profiles.total_xp,
    user_profiles.current_level as level,
    user_profiles.current_streak,
    user_profiles.max_streak
from user_profiles
where user_profiles.user_id = %(user_id)s
for no key update;
