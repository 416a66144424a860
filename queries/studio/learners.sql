-- A page of accounts, the newest first. A learner sees only their own.
--
-- @across lists the accounts that the role may see
-- @sample after_id: null
-- @budget buffers 15
select
    users.id,
    users.username,
    users.email,
    users.is_active,
    users.created_at,
    user_profiles.total_xp,
    user_profiles.current_level
from users
left join user_profiles on users.id = user_profiles.user_id
where %(after_id)s::uuid is null or users.id < %(after_id)s::uuid
order by users.id desc
limit %(limit)s;
