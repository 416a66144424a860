-- Achievements by their ids, in any order.
--
-- @sample achievement_ids: array[%(achievement_id)s::uuid]
-- @budget buffers 24
select
    achievements.id,
    achievements.name,
    achievements.description,
    achievements.category,
    achievements.criteria,
    achievements.xp_reward,
    achievements.badge_icon,
    achievements.badge_color,
    achievements.rarity,
    achievements.is_visible,
    achievements.is_active,
    achievements.created_at,
    achievements.updated_at
from achievements
where achievements.id = any(%(achievement_ids)s::uuid[])
order by achievements.id;
