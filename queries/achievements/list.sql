-- The achievements, most common first. A filter that is null accepts everything.
--
-- @sample category: null
-- @sample include_hidden: false
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
where
    (%(category)s::achievement_category is null or achievements.category = %(category)s)
    and (achievements.is_visible or %(include_hidden)s)
    and (achievements.is_active or %(include_inactive)s)
order by achievements.rarity, achievements.name, achievements.id;
