-- Check a link that sets a new password. Return the account's names and address, which the password must not contain.
--
-- @role app_service
-- @step the first step of reset_password
-- @after accounts/request_password_reset
-- @budget buffers 15
-- @never Seq Scan on users
select
    users.email,
    users.username
from user_tokens
inner join users on users.id = user_tokens.user_id
where
    user_tokens.user_id = %(user_id)s
    and user_tokens.purpose = 'PASSWORD_RESET'
    and user_tokens.token_hash = %(token_hash)s
    and user_tokens.expires_at > now()
    and user_tokens.email = users.email
    and users.is_active;
