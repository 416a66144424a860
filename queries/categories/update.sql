-- Change a category.
--
-- changes  a JSON object of the columns to change; the others keep their value
--
-- @role app_service
-- @sample changes: '{"description": "Another one."}'
-- @budget buffers 21
update skill_categories
set
    (name, slug, description, color, icon, sort_order, is_active) = (
        select
            changed.name,
            changed.slug,
            changed.description,
            changed.color,
            changed.icon,
            changed.sort_order,
            changed.is_active
        from jsonb_populate_record(skill_categories, %(changes)s::jsonb) as changed
    ),
    updated_at = now()
where skill_categories.id = %(category_id)s
returning
    skill_categories.id,
    skill_categories.name,
    skill_categories.slug,
    skill_categories.description,
    skill_categories.color,
    skill_categories.icon,
    skill_categories.sort_order,
    skill_categories.is_active,
    skill_categories.created_at,
    skill_categories.updated_at;
