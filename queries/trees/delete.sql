-- Delete a tree with its skills and all progress in them, and remove it from the prerequisites of other trees. The tree
-- has been locked before.
--
-- Nine of ten buffers are for deleting the rows of its learners' progress and for their audit entries.
--
-- @role app_service
-- @across removes the tree from everyone's counts
-- @budget buffers 96000
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with released_tree as (
    update skill_trees
    set
        prerequisites = array_remove(skill_trees.prerequisites, %(tree_id)s),
        updated_at = now()
    where
        skill_trees.prerequisites @> array[%(tree_id)s::uuid]
        and skill_trees.id <> %(tree_id)s
    returning skill_trees.id
),

completed_skills as (
    select
        user_skill_progress.user_id,
        count(*)::integer as skills
    from user_skill_progress
    where
        user_skill_progress.skill_tree_id = %(tree_id)s
        and user_skill_progress.status = 'COMPLETED'
    group by user_skill_progress.user_id
),

lost_work as (
    select
        coalesce(completed_skills.user_id, user_skill_tree_progress.user_id) as user_id,
        coalesce(completed_skills.skills, 0) as skills,
        coalesce(user_skill_tree_progress.status <> 'NOT_STARTED', false)::integer as started,
        coalesce(user_skill_tree_progress.status = 'COMPLETED', false)::integer as completed
    from completed_skills
    full join (
        select
            user_skill_tree_progress.user_id,
            user_skill_tree_progress.status
        from user_skill_tree_progress
        where user_skill_tree_progress.skill_tree_id = %(tree_id)s
    ) as user_skill_tree_progress on user_skill_tree_progress.user_id = completed_skills.user_id
),

updated_profile as (
    update user_profiles
    set
        skills_completed = greatest(user_profiles.skills_completed - lost_work.skills, 0),
        trees_started = greatest(user_profiles.trees_started - lost_work.started, 0),
        trees_completed = greatest(user_profiles.trees_completed - lost_work.completed, 0),
        updated_at = now()
    from lost_work
    where
        user_profiles.user_id = lost_work.user_id
        and lost_work.skills + lost_work.started > 0
    returning user_profiles.user_id
)

delete from skill_trees
where skill_trees.id = %(tree_id)s
returning skill_trees.id;
