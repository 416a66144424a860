-- Learners whose time zone has another current name, or is unknown to the server and therefore counts as UTC.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 7300
with stored as (
    select distinct user_profiles.timezone as zone
    from user_profiles
    where user_profiles.timezone <> 'UTC'
),

-- Read once, because it is slow.
server_zone as materialized (
    select
        pg_timezone_names.name,
        lower(pg_timezone_names.name) as lower_name
    from pg_timezone_names
    where pg_timezone_names.name not in ('Factory', 'localtime', 'posixrules')
),

known as (
    select distinct on (stored.zone)
        stored.zone,
        server_zone.name
    from stored
    cross join unnest(timezone_names(stored.zone)) with ordinality as candidate (name, place)
    inner join server_zone on server_zone.lower_name = lower(candidate.name)
    order by stored.zone, candidate.place
)

select
    'learner' as subject_kind,
    user_profiles.user_id,
    null::uuid as subject_id,
    'timezone' as what,
    coalesce(known.name, 'UTC') as expected,
    user_profiles.timezone as found
from user_profiles
left join known on known.zone = user_profiles.timezone
where
    user_profiles.timezone <> 'UTC'
    and user_profiles.timezone is distinct from known.name
order by user_profiles.user_id;
