-- The categories in display order, only active ones unless all are requested.
--
-- @budget buffers 9
select
    skill_categories.id,
    skill_categories.name,
    skill_categories.slug,
    skill_categories.description,
    skill_categories.color,
    skill_categories.icon,
    skill_categories.sort_order,
    skill_categories.is_active,
    skill_categories.created_at,
    skill_categories.updated_at
from skill_categories
where skill_categories.is_active or %(include_inactive)s
order by skill_categories.sort_order, skill_categories.name;
