-- A tree with its active skills, top to bottom, left to right, and one learner's progress in all of them. Without a
-- learner, there is no progress.
--
-- The skills are one JSON array. Pydantic parses it faster than psycopg makes objects of two thousand columns and
-- Pydantic validates them.
--
-- @nullable progress: before the learner starts the tree
-- @budget buffers 53
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with tree as (
    select
        skill_trees.id,
        skill_trees.category_id,
        skill_trees.name,
        skill_trees.slug,
        skill_trees.description,
        skill_trees.short_description,
        skill_trees.difficulty,
        skill_trees.estimated_hours,
        skill_trees.prerequisites,
        skill_trees.tags,
        skill_trees.version,
        skill_trees.language,
        skill_trees.layout_config,
        skill_trees.theme_config,
        skill_trees.is_published,
        skill_trees.is_featured,
        skill_trees.is_ai_generated,
        skill_trees.created_at,
        skill_trees.updated_at,
        skill_trees.created_by,
        skill_trees.updated_by
    from visible_trees as skill_trees
    where skill_trees.slug = %(slug)s
),

active_skill as (
    select
        skills.id,
        skills.parent_skill_id,
        skills.key,
        skills.name,
        skills.short_name,
        skills.description,
        skills.learning_objectives,
        skills.skill_type,
        skills.difficulty,
        skills.estimated_minutes,
        skills.xp_value,
        skills.dependencies,
        skills.dependents,
        skills.position_x,
        skills.position_y,
        skills.node_size,
        skills.content,
        skills.resources,
        skills.assessments,
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
        skill_work.progress_percent,
        skill_work.time_spent_minutes,
        skill_work.attempts_count,
        skill_work.failed_attempts,
        skill_work.completion_method,
        skill_work.completion_score,
        skill_work.evidence_data,
        skill_work.unlocked_at,
        skill_work.started_at,
        skill_work.last_activity_at,
        skill_work.completed_at,
        skill_work.struggling_indicators,
        skill_work.engagement_score
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
)

select
    tree.id,
    tree.category_id,
    tree.name,
    tree.slug,
    tree.description,
    tree.short_description,
    tree.difficulty,
    tree.estimated_hours,
    tree.prerequisites,
    tree.tags,
    tree.version,
    tree.language,
    tree.layout_config,
    tree.theme_config,
    tree.is_published,
    tree.is_featured,
    tree.is_ai_generated,
    tree.created_at,
    tree.updated_at,
    tree.created_by,
    tree.updated_by,
    (
        select to_json(tree_progress)
        from (
            select
                user_skill_tree_progress.id,
                user_skill_tree_progress.user_id,
                user_skill_tree_progress.skill_tree_id,
                user_skill_tree_progress.status,
                user_skill_tree_progress.progress_percent,
                user_skill_tree_progress.skills_completed,
                user_skill_tree_progress.total_skills,
                user_skill_tree_progress.time_spent_minutes,
                user_skill_tree_progress.started_at,
                user_skill_tree_progress.last_activity_at,
                user_skill_tree_progress.completed_at,
                user_skill_tree_progress.milestones_reached,
                user_skill_tree_progress.current_path,
                user_skill_tree_progress.created_at,
                user_skill_tree_progress.updated_at
            from user_skill_tree_progress
            where
                user_skill_tree_progress.user_id = %(user_id)s::uuid
                and user_skill_tree_progress.skill_tree_id = tree.id
        ) as tree_progress
    ) as progress,
    (
        select
            coalesce(
                json_agg(
                    loaded_skill
                    order by active_skill.position_y, active_skill.position_x, active_skill.sort_order, active_skill.id
                ),
                '[]'
            )
        from active_skill
        left join skill_progress on skill_progress.skill_id = active_skill.id
        left join blocked_skill on blocked_skill.id = active_skill.id
        cross join lateral (
            select
                active_skill.id,
                active_skill.parent_skill_id,
                active_skill.key,
                active_skill.name,
                active_skill.short_name,
                active_skill.description,
                active_skill.learning_objectives,
                active_skill.skill_type,
                active_skill.difficulty,
                active_skill.estimated_minutes,
                active_skill.xp_value,
                active_skill.dependencies,
                active_skill.dependents,
                active_skill.position_x,
                active_skill.position_y,
                active_skill.node_size,
                active_skill.content,
                active_skill.resources,
                active_skill.assessments,
                active_skill.is_optional,
                active_skill.is_milestone,
                case
                    when skill_progress.is_begun then skill_progress.status
                    when blocked_skill.id is null then 'AVAILABLE'
                    else 'LOCKED'
                end as status,
                case
                    when skill_progress.skill_id is not null
                        then (
                            select to_json(work)
                            from (
                                select
                                    skill_progress.status,
                                    skill_progress.progress_percent,
                                    skill_progress.time_spent_minutes,
                                    skill_progress.attempts_count,
                                    skill_progress.failed_attempts,
                                    skill_progress.completion_method,
                                    skill_progress.completion_score,
                                    skill_progress.evidence_data,
                                    skill_progress.unlocked_at,
                                    skill_progress.started_at,
                                    skill_progress.last_activity_at,
                                    skill_progress.completed_at,
                                    skill_progress.struggling_indicators,
                                    skill_progress.engagement_score
                            ) as work
                        )
                end as progress
        ) as loaded_skill
    ) as skills
from tree;
