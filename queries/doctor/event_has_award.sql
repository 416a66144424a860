-- XP for achievements that the learner has not been awarded. If the achievement was deleted, its awards were deleted
-- with it, and the XP stays.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @notnull expected: the time is finite, which to_char requires
-- @budget buffers 530000
select
    'achievement' as subject_kind,
    xp_events.user_id,
    xp_events.source_id as subject_id,
    'award' as what,
    to_char(xp_events.granted_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as expected,
    null as found
from xp_events
inner join achievements on achievements.id = xp_events.source_id
left join user_achievements
    on
        user_achievements.user_id = xp_events.user_id
        and user_achievements.achievement_id = xp_events.source_id
where
    xp_events.source_kind = 'ACHIEVEMENT'
    and user_achievements.user_id is null
order by xp_events.user_id, xp_events.source_id;
