-- The accounts whose ids have these SHA-256 hashes, in hexadecimal: a restore has brought them back.
--
-- @role app_service
-- @across it looks for accounts of which only the hash is known
select
    users.id,
    encode(sha256(convert_to(users.id::text, 'UTF8')), 'hex') as account_hash
from users
where encode(sha256(convert_to(users.id::text, 'UTF8')), 'hex') = any(%(account_hashes)s::text[])
order by users.id;
