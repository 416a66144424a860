-- A learner's progress toward every achievement that can be earned: earned ones first, then the nearest. It is computed
-- here, because nothing is stored about an achievement that is not yet earned.
--
-- @notnull threshold: achievements_criteria_form allows no criteria without one
-- @budget buffers 200
-- @never Seq Scan on user_achievements, user_profiles, xp_events
select
    achievements.id,
    achievements.name,
    achievements.description,
    achievements.category,
    achievements.criteria,
    achievements.xp_reward,
    achievements.rarity,
    achievements.badge_icon,
    achievements.badge_color,
    achievement_standings.threshold,
    achievement_standings.value::bigint as value,
    case
        when user_achievements.achievement_id is not null then 100
        else least(100.0 * achievement_standings.value / achievement_standings.threshold, 100)
    end::double precision as progress,
    user_achievements.earned_at
-- In this order, because the planner of Citus 13.2 fails with the view before the table.
from achievements
inner join achievement_standings on achievement_standings.achievement_id = achievements.id
left join user_achievements
    on
        user_achievements.user_id = %(user_id)s
        and user_achievements.achievement_id = achievements.id
where
    achievement_standings.user_id = %(user_id)s
    and (user_achievements.achievement_id is not null or (achievements.is_active and achievements.is_visible))
order by user_achievements.earned_at desc nulls last, progress desc, achievements.name, achievements.id;
