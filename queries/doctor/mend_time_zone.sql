-- Store the time zone of a learner under its current name, or UTC if the server does not know it.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 30
-- @never Seq Scan on user_profiles
with known as materialized (
    select
        user_profiles.user_id,
        coalesce(canonical_timezone(user_profiles.timezone), 'UTC') as name
    from user_profiles
    where user_profiles.user_id = %(user_id)s
)

update user_profiles
set
    timezone = known.name,
    updated_at = now()
from known
where
    user_profiles.user_id = %(user_id)s
    and user_profiles.user_id = known.user_id
    and user_profiles.timezone <> known.name
returning user_profiles.user_id;
