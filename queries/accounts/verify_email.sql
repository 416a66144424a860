-- Use a link that was sent to an address, and mark the address as verified if it is still that of the account.
--
-- @role app_service
-- @after accounts/request_email_verification
-- @budget buffers 40
-- @never Seq Scan on users
with used_token as (
    delete from user_tokens
    where
        user_tokens.user_id = %(user_id)s
        and user_tokens.purpose = 'EMAIL_VERIFICATION'
        and user_tokens.token_hash = %(token_hash)s
        and user_tokens.expires_at > now()
    returning
        user_tokens.user_id,
        user_tokens.email
)

update users
set
    email_verified = true,
    updated_at = now()
from used_token
where
    users.id = %(user_id)s
    and users.id = used_token.user_id
    and users.email = used_token.email
    and users.is_active
returning
    users.id,
    users.email,
    users.username,
    users.first_name,
    users.last_name,
    users.avatar_url,
    users.is_active,
    users.email_verified,
    users.last_login_at,
    users.created_at,
    users.updated_at,
    users.created_by,
    users.updated_by;
