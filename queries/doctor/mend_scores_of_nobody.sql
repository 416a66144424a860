-- Take somebody off the leaderboards who has no account: what they count is counted anew with the leaderboards.
--
-- @role app_service
-- @step how doctor.repair mends
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
