-- Store the hash of a link that confirms a new address of an account. An older link becomes void. Return nothing
-- if another account has the address.
--
-- email  the address to which the link is sent
--
-- @role app_service
-- @after accounts/take_back_guesses
-- @across it looks for another account with the address
-- @sample email: 'a-new-address@example.org'
-- @budget buffers 36
-- @never Seq Scan on users
insert into user_tokens (user_id, purpose, token_hash, email, expires_at)
select
    users.id,
    'EMAIL_CHANGE',
    %(token_hash)s,
    normalize(%(email)s, nfc),
    now() + %(valid_for)s::interval
from users
where
    users.id = %(user_id)s
    and users.is_active
    and not exists (
        select from users as other_user
        where
            fold_name(other_user.email) = fold_name(%(email)s)
            and other_user.id <> %(user_id)s
    )
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
