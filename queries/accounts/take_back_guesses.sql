-- Take back the counted guesses of an account's password, because it has been given.
--
-- @role app_service
-- @step runs before accounts/request_email_change, in one transaction
-- @budget buffers 16
update login_attempts
set failures = 0
where login_attempts.identifier_hash = sha256(convert_to(%(user_id)s::uuid::text, 'UTF8'))
returning login_attempts.network;
