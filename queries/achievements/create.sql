-- A new achievement.
--
-- @role app_service
-- @sample badge_color: '#336699'
-- @sample badge_icon: null
-- @sample category: 'PROGRESS'
-- @sample criteria: '{"type": "xp_threshold", "threshold": 777}'
-- @sample is_visible: true
-- @sample rarity: 'COMMON'
-- @sample xp_reward: 10
-- @budget buffers 18
insert into achievements (
    id, name, description, category, criteria, xp_reward, badge_icon, badge_color, rarity, is_visible
)
values (
    coalesce(%(id)s::uuid, uuidv7()),
    %(name)s,
    %(description)s,
    %(category)s,
    %(criteria)s,
    %(xp_reward)s,
    %(badge_icon)s,
    %(badge_color)s,
    %(rarity)s,
    %(is_visible)s
)
returning
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
    achievements.updated_at;
