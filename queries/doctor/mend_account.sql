-- Give an account that has lost its profile a new one: what it counts follows. On leaderboards the learner is shown
-- only if a score says so, since they may have left. What they said of themselves is lost.
--
-- @role app_service
-- @step how doctor.repair mends
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
