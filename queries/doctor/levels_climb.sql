-- Levels whose thresholds are wrong: level 1 starts at 0 XP, each level needs more than the one before, and no level is
-- missing. Only the person who edited them knows the correct values.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @notnull expected: every branch names the level or XP before it, if there is one
-- @budget buffers 10
with ladder as (
    select
        levels.level,
        levels.min_xp,
        lag(levels.level) over (order by levels.level) as level_before,
        lag(levels.min_xp) over (order by levels.level) as min_xp_before
    from levels
)

select
    'level' as subject_kind,
    null::uuid as user_id,
    null::uuid as subject_id,
    'level ' || ladder.level as what,
    case
        when ladder.level_before is null then 'level 1 at 0 XP'
        when ladder.level_before <> ladder.level - 1 then 'level ' || (ladder.level - 1) || ' before it'
        else 'more than ' || ladder.min_xp_before || ' XP'
    end as expected,
    ladder.min_xp || ' XP' as found
from ladder
where
    (ladder.level_before is null and (ladder.level <> 1 or ladder.min_xp <> 0))
    or ladder.level_before <> ladder.level - 1
    or ladder.min_xp <= ladder.min_xp_before
union all
select
    'level' as subject_kind,
    null::uuid as user_id,
    null::uuid as subject_id,
    'level 1' as what,
    'level 1 at 0 XP' as expected,
    null as found
where not exists (select from levels)
order by what;
