-- The achievements that a learner has earned, latest first.
--
-- @budget buffers 14
-- @never Seq Scan on user_achievements
select
    user_achievements.id,
    user_achievements.user_id,
    user_achievements.achievement_id,
    achievements.name,
    achievements.description,
    achievements.category,
    achievements.rarity,
    achievements.xp_reward,
    achievements.badge_icon,
    achievements.badge_color,
    user_achievements.earned_at,
    user_achievements.progress,
    user_achievements.metadata
from user_achievements
inner join achievements on achievements.id = user_achievements.achievement_id
where user_achievements.user_id = %(user_id)s
order by user_achievements.earned_at desc, user_achievements.achievement_id;
