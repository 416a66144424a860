-- An achievement by its id.
--
-- @budget buffers 9
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
where achievements.id = %(achievement_id)s;
