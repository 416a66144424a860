-- Set whether a learner is shown on the leaderboards. leaderboards/refresh_scores updates the scores.
--
-- changes  a JSON object with the column is_on_leaderboard
--
-- @role app_engine
-- @step a part of update_profile, which knows whether it is needed
-- @sample changes: '{"is_on_leaderboard": false}'
-- @budget buffers 40
-- @never Seq Scan on user_profiles
update user_profiles
set
    is_on_leaderboard = (%(changes)s::jsonb ->> 'is_on_leaderboard')::boolean,
    updated_at = now()
where user_profiles.user_id = %(user_id)s
returning user_profiles.is_on_leaderboard;
