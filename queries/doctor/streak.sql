-- Learners whose streaks do not agree with the runs of their days: the run that ends with the latest day, its
-- approximate start, the longest run, the latest day.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @notnull what: the three arrays have the same length
-- @nullable expected: a learner without days has no latest day
-- @nullable found: as above
-- @budget buffers 7900
-- @never Seq Scan on user_activity_days
with counted as (
    select
        streaks.user_id,
        (array_agg(streaks.days order by streaks.ends_on desc))[1] as latest,
        max(streaks.days) as longest,
        (array_agg(streaks.begins_on order by streaks.ends_on desc))[1] as latest_begins_on,
        max(streaks.ends_on) as latest_on
    from streaks
    group by streaks.user_id
)

select
    'learner' as subject_kind,
    user_profiles.user_id,
    null::uuid as subject_id,
    field.what,
    field.expected,
    field.found
from user_profiles
left join counted on counted.user_id = user_profiles.user_id
cross join
    lateral unnest(
        array['current_streak', 'streak_started_at', 'max_streak', 'last_activity_on'],
        array[
            coalesce(counted.latest, 0)::text,
            to_char(counted.latest_begins_on, 'YYYY-MM-DD'),
            coalesce(counted.longest, 0)::text,
            to_char(counted.latest_on, 'YYYY-MM-DD')
        ],
        array[
            user_profiles.current_streak::text,
            case
                -- A local date is no further than this from its time. Null means unknown and does no harm.
                when
                    abs((user_profiles.streak_started_at at time zone 'UTC')::date - counted.latest_begins_on) <= 2
                    or user_profiles.streak_started_at is null
                    then to_char(counted.latest_begins_on, 'YYYY-MM-DD')
                else user_profiles.streak_started_at::text
            end,
            user_profiles.max_streak::text,
            to_char(user_profiles.last_activity_on, 'YYYY-MM-DD')
        ]
    ) as field (what, expected, found)
where
    (
        row(user_profiles.current_streak, user_profiles.max_streak, user_profiles.last_activity_on)
        is distinct from row(coalesce(counted.latest, 0), coalesce(counted.longest, 0), counted.latest_on)
        or abs((user_profiles.streak_started_at at time zone 'UTC')::date - counted.latest_begins_on) > 2
    )
    and field.expected is distinct from field.found
order by user_profiles.user_id, field.what;
