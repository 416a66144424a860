-- Store the hash of a link that confirms the address of an account. An older link becomes void.
--
-- @role app_service
-- @budget buffers 30
-- @never Seq Scan on users
insert into user_tokens (user_id, purpose, token_hash, email, expires_at)
select
    users.id,
    'EMAIL_VERIFICATION',
    %(token_hash)s,
    users.email,
    now() + %(valid_for)s::interval
from users
where
    users.id = %(user_id)s
    and users.is_active
on conflict (user_id, purpose) do update
    set
        token_hash = excluded.token_hash,
        email = excluded.email,
        created_at = excluded.created_at,
        expires_at = excluded.expires_at
returning
    user_tokens.user_id,
    user_tokens.email,
    user_tokens.expires_at;
