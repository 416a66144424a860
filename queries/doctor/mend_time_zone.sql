-- Store the time zone of a learner under its current name, or UTC if the server does not know it.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 30
-- @never Seq Scan on user_profiles
update user_profiles
set
    timezone = coalesce(known.name, 'UTC'),
    updated_at = now()
from (
    select
        stored.user_id,
        canonical_timezone(stored.timezone) as name
    from user_profiles as stored
    where stored.user_id = %(user_id)s
) as known
where
    user_profiles.user_id = known.user_id
    and user_profiles.timezone <> coalesce(known.name, 'UTC')
returning user_profiles.user_id;
