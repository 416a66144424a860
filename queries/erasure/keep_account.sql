-- Create an account without an owner, under a random id, for the kept rows of an erased learner. Nobody can log in to
-- it: no password has this hash, and no mail reaches the address.
--
-- Of each time only the day is kept, here and in all other kept rows. Exact times could also be found in logs.
--
-- nobody_id  the new account
--
-- @role app_service
-- @across kept rows move to another account
-- @budget buffers 26
-- @never Seq Scan on users
with erased_account as materialized (
    select
        date_trunc('day', users.created_at, 'UTC') as created_at,
        date_trunc('day', users.updated_at, 'UTC') as updated_at
    from users
    where users.id = %(user_id)s
)

insert into users (id, email, username, password_hash, is_active, created_at, updated_at)
select
    %(nobody_id)s::uuid,
    'deleted-' || %(nobody_id)s::uuid || '@deleted.invalid',
    'deleted-' || %(nobody_id)s::uuid,
    '$2b$04$' || repeat('.', 53),
    false,
    erased_account.created_at,
    erased_account.updated_at
from erased_account
returning users.id;
