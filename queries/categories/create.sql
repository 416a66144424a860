-- A new category.
--
-- @role app_service
-- @sample slug: 'a-new-slug'
-- @budget buffers 21
insert into skill_categories (id, name, slug, description, color, icon, sort_order, is_active)
values (
    coalesce(%(id)s::uuid, uuidv7()),
    %(name)s,
    %(slug)s,
    %(description)s,
    %(color)s,
    %(icon)s,
    %(sort_order)s,
    %(is_active)s
)
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
