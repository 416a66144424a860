-- What a learner has reached, after what the same transaction has done before.
select
    user_profiles.total_xp,
    user_profiles.current_level as level,
    user_profiles.current_streak,
    user_profiles.max_streak
from user_profiles
where user_profiles.user_id = %(user_id)s;
