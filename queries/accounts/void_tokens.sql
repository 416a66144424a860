-- Void the links of an account.
--
-- @role app_service
-- @step runs when an account is closed
-- @after accounts/request_password_reset
-- @budget buffers 14
delete from user_tokens
where user_tokens.user_id = %(user_id)s
returning user_tokens.purpose;
