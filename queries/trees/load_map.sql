-- What a drawing of a tree for one learner needs: as trees/load, without texts and JSON documents.
--
-- The level of a skill is the number of edges on the longest path to a skill without dependencies. It gives the place
-- in the drawing if the skill has no position.
--
-- @budget buffers 53
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with tree as (
    select
        skill_trees.id,
        skill_trees.name,
        skill_trees.slug,
        skill_trees.layout_config,
        skill_trees.theme_config
    from visible_trees as skill_trees
    where skill_trees.slug = %(slug)s
),

active_skill as (
    select
        skills.id,
        skills.parent_skill_id,
        skills.name,
        skills.short_name,
        skills.skill_type,
        skills.difficulty,
        skills.estimated_minutes,
        skills.xp_value,
        skills.dependencies,
        skills.position_x,
        skills.position_y,
        skills.is_placed,
        skills.node_size,
        skills.is_optional,
        skills.is_milestone,
        skills.sort_order
    from tree
    inner join skills on skills.skill_tree_id = tree.id
    where skills.is_active
),

skill_progress as (
    select
        skill_work.skill_id,
        skill_work.status,
        skill_work.is_satisfied,
        skill_work.is_begun,
        skill_work.progress_percent
    from tree
    inner join skill_work
        on
            skill_work.user_id = %(user_id)s::uuid
            and skill_work.skill_tree_id = tree.id
),

blocked_skill as (
    select distinct active_skill.id
    from active_skill
    cross join unnest(active_skill.dependencies) as dependency (id)
    inner join active_skill as prerequisite on prerequisite.id = dependency.id
    left join skill_progress
        on
            skill_progress.skill_id = prerequisite.id
            and skill_progress.is_satisfied
    where skill_progress.skill_id is null
),

edge as (
    select
        coalesce(array_agg(active_skill.id), '{}') as sources,
        coalesce(array_agg(prerequisite.id), '{}') as targets
    from active_skill
    cross join unnest(active_skill.dependencies) as dependency (id)
    inner join active_skill as prerequisite on prerequisite.id = dependency.id
),

skill_level as (
    select
        leveled.id,
        leveled.level
    from edge
    cross join topological_levels(edge.sources, edge.targets) as leveled (id, level)
),

loaded_skill as (
    select
        active_skill.id,
        active_skill.parent_skill_id,
        active_skill.name,
        active_skill.short_name,
        active_skill.skill_type,
        active_skill.difficulty,
        active_skill.estimated_minutes,
        active_skill.xp_value,
        active_skill.dependencies,
        active_skill.position_x,
        active_skill.position_y,
        active_skill.is_placed,
        active_skill.node_size,
        active_skill.is_optional,
        active_skill.is_milestone,
        active_skill.sort_order,
        case
            when skill_progress.is_begun then skill_progress.status
            when blocked_skill.id is null then 'AVAILABLE'
            else 'LOCKED'
        end as status,
        coalesce(skill_progress.progress_percent, 0) as progress_percent,
        coalesce(skill_level.level, 0) as level
    from active_skill
    left join skill_level on skill_level.id = active_skill.id
    left join skill_progress on skill_progress.skill_id = active_skill.id
    left join blocked_skill on blocked_skill.id = active_skill.id
)

select
    tree.id,
    tree.name,
    tree.slug,
    tree.layout_config,
    tree.theme_config,
    coalesce(user_skill_tree_progress.progress_percent, 0) as progress_percent,
    (
        select
            coalesce(
                json_agg(
                    to_jsonb(loaded_skill) - 'sort_order'
                    order by loaded_skill.position_y, loaded_skill.position_x, loaded_skill.sort_order, loaded_skill.id
                ),
                '[]'
            )
        from loaded_skill
    ) as skills
from tree
left join user_skill_tree_progress
    on
        user_skill_tree_progress.user_id = %(user_id)s::uuid
        and user_skill_tree_progress.skill_tree_id = tree.id;
