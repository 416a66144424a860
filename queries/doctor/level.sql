-- Learners whose level is below the highest that their total XP reaches. A level never falls, so it may be above.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 3500
with ladder as (
    select
        array_agg(levels.level order by levels.min_xp) as levels,
        array_agg(levels.min_xp order by levels.min_xp) as steps
    from levels
),

reached as (
    select
        user_profiles.user_id,
        user_profiles.current_level,
        coalesce(ladder.levels[width_bucket(user_profiles.total_xp, ladder.steps)], 1) as level
    from user_profiles
    cross join ladder
)

select
    'learner' as subject_kind,
    reached.user_id,
    null::uuid as subject_id,
    'current_level' as what,
    reached.level::text as expected,
    reached.current_level::text as found
from reached
where reached.current_level < reached.level
order by reached.user_id;
