-- Delete leaderboard scores without an account. The counts are corrected with the leaderboards.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 20
-- @never Seq Scan on user_scores, users
delete from user_scores
where
    user_scores.user_id = %(user_id)s
    and not exists (
        select from users
        where users.id = %(user_id)s
    )
returning user_scores.board;
