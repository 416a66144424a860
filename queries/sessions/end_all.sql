-- End every active session of one learner, except one that may stay open.
--
-- @role app_engine
-- @step also runs when an account is closed
-- @sample user_id: (select user_id from user_sessions where is_active order by user_id limit 1)
-- @sample except_session_id: null
-- @budget buffers 35
-- @never Seq Scan on user_sessions
update user_sessions
set
    is_active = false,
    ended_at = now()
where
    user_sessions.user_id = %(user_id)s
    and user_sessions.is_active
    and user_sessions.id is distinct from %(except_session_id)s::uuid
returning user_sessions.id;
