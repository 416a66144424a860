-- Give an account without a profile a new one; its counts follow in later steps. The learner is on leaderboards only if
-- a score shows it, since they may have opted out. What they wrote about themselves is lost.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 20
-- @never Seq Scan on user_profiles, user_scores, users
insert into user_profiles (user_id, is_on_leaderboard)
select
    users.id,
    exists(
        select from user_scores
        where
            user_scores.user_id = %(user_id)s
            and user_scores.is_listed
    ) as is_on_leaderboard
from users
where
    users.id = %(user_id)s
    and not exists (
        select from user_profiles
        where user_profiles.user_id = %(user_id)s
    )
on conflict (user_id) do nothing
returning user_profiles.user_id;
