-- Change an achievement, or deactivate it. Existing awards stay, and each keeps the criteria by which it was earned.
--
-- A backfill in progress begins again if the criteria change, because it has checked learners by the old ones.
--
-- changes  a JSON object of the columns to change; the others keep their value
--
-- @role app_service
-- @sample changes: '{"description": "Another one.", "criteria": {"type": "xp_threshold", "threshold": 778}}'
-- @budget buffers 20
with restarted_backfill as (
    update achievement_backfills
    set
        after_user_id = null,
        learners_seen = 0,
        awarded = 0,
        started_at = now(),
        finished_at = null
    from achievements
    where
        achievement_backfills.achievement_id = %(achievement_id)s
        and achievements.id = achievement_backfills.achievement_id
        and achievement_backfills.finished_at is null
        and achievements.criteria <> coalesce(%(changes)s::jsonb -> 'criteria', achievements.criteria)
)

update achievements
set
    (
        name,
        description,
        category,
        criteria,
        xp_reward,
        badge_icon,
        badge_color,
        rarity,
        is_visible,
        is_active
    )
    = (
        select
            changed.name,
            changed.description,
            changed.category,
            changed.criteria,
            changed.xp_reward,
            changed.badge_icon,
            changed.badge_color,
            changed.rarity,
            changed.is_visible,
            changed.is_active
        from jsonb_populate_record(achievements, %(changes)s::jsonb) as changed
    ),
    updated_at = now()
where achievements.id = %(achievement_id)s
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
