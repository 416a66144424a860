-- Raise a learner to the level that their total XP reaches. A level never falls.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 20
-- @never Seq Scan on user_profiles
update user_profiles
set
    current_level = reached.level,
    updated_at = now()
from (
    select max(levels.level) as level
    from user_profiles
    inner join levels on levels.min_xp <= user_profiles.total_xp
    where user_profiles.user_id = %(user_id)s
) as reached
where
    user_profiles.user_id = %(user_id)s
    and user_profiles.current_level < reached.level
returning user_profiles.user_id;
