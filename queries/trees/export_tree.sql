-- A tree in the form of a curriculum file, without skills that an import removed.
--
-- @budget buffers 270
with tree as (
    select
        skill_trees.id,
        skill_trees.slug,
        skill_trees.name,
        skill_categories.name as category,
        skill_trees.description,
        skill_trees.tags,
        skill_trees.short_description,
        skill_trees.difficulty,
        skill_trees.estimated_hours,
        array(
            select required_tree.slug
            from unnest(skill_trees.prerequisites) with ordinality as prerequisite (id, place)
            inner join visible_trees as required_tree on required_tree.id = prerequisite.id
            order by prerequisite.place
        ) as prerequisites,
        skill_trees.version,
        skill_trees.language,
        skill_trees.layout_config as layout,
        skill_trees.theme_config as theme,
        skill_trees.is_ai_generated as ai_generated
    from visible_trees as skill_trees
    inner join skill_categories on skill_categories.id = skill_trees.category_id
    where skill_trees.slug = %(slug)s
),

edge as (
    select
        skills.id as skill_id,
        array_agg(prerequisite.key order by dependency.place) as keys
    from tree
    inner join skills on skills.skill_tree_id = tree.id
    cross join unnest(skills.dependencies) with ordinality as dependency (id, place)
    inner join skills as prerequisite on prerequisite.id = dependency.id
    group by skills.id
),

exported_skill as (
    select
        skills.key,
        skills.name,
        skills.description,
        coalesce(edge.keys, '{}') as dependencies,
        skills.learning_objectives as objectives,
        coalesce(skills.resources, '[]') as resources,
        case
            when skills.is_placed or skills.position_x <> 0 or skills.position_y <> 0
                then array[skills.position_x, skills.position_y]
        end as position,
        skills.is_optional as optional,
        skills.short_name,
        parent.key as parent,
        skills.skill_type,
        skills.difficulty,
        skills.estimated_minutes,
        skills.xp_value,
        skills.node_size,
        skills.is_milestone as milestone,
        skills.is_active as active,
        skills.content,
        skills.assessments,
        row_number() over (order by skills.sort_order, skills.position_y, skills.position_x, skills.id) as place
    from tree
    inner join skills on skills.skill_tree_id = tree.id
    left join skills as parent on parent.id = skills.parent_skill_id
    left join edge on edge.skill_id = skills.id
    where
        skills.is_active
        or skills.removed_at is null
        or skills.dependencies <> '{}'
        or skills.dependents <> '{}'
)

select
    tree.slug,
    tree.name,
    tree.category,
    tree.description,
    tree.tags,
    tree.short_description,
    tree.difficulty,
    tree.estimated_hours,
    tree.prerequisites,
    tree.version,
    tree.language,
    tree.layout,
    tree.theme,
    tree.ai_generated,
    (
        select coalesce(json_agg(to_jsonb(exported_skill) - 'place' order by exported_skill.place), '[]')
        from exported_skill
    ) as skills
from tree;
