-- Store the hash of a link that lets the owner of an address set a new password. An older link becomes void. Return
-- nothing within a minute of the last request, so that nobody can void links faster than they are used.
--
-- @role app_service
-- @across nobody is logged in
-- @budget buffers 41
-- @never Seq Scan on users
insert into user_tokens (user_id, purpose, token_hash, email, expires_at)
select
    users.id,
    'PASSWORD_RESET',
    %(token_hash)s,
    users.email,
    now() + %(valid_for)s::interval
from users
where
    fold_name(users.email) = fold_name(%(email)s)
    and users.is_active
on conflict (user_id, purpose) do update
    set
        token_hash = excluded.token_hash,
        email = excluded.email,
        created_at = excluded.created_at,
        expires_at = excluded.expires_at
    where excluded.created_at - user_tokens.created_at > interval '1 minute'
returning
    user_tokens.user_id,
    user_tokens.email,
    user_tokens.expires_at;
