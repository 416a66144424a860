-- Delete a skill and all progress in it, and remove it from the dependencies of other skills. The skill has been locked
-- and deactivated before, so only the counts that include inactive skills remain to be corrected: minutes and completed
-- skills.
--
-- @role app_service
-- @across removes the skill from everyone's counts
-- @budget buffers 14000
-- @never Seq Scan on user_profiles, user_skill_progress, user_skill_tree_progress
with released_skill as (
    update skills
    set
        dependencies = array_remove(skills.dependencies, %(skill_id)s),
        dependents = array_remove(skills.dependents, %(skill_id)s),
        updated_at = now()
    where
        (skills.dependencies @> array[%(skill_id)s::uuid] or skills.dependents @> array[%(skill_id)s::uuid])
        and skills.id <> %(skill_id)s
    returning skills.id
),

lost_work as (
    select
        user_skill_progress.user_id,
        user_skill_progress.skill_tree_id,
        user_skill_progress.status,
        user_skill_progress.time_spent_minutes
    from user_skill_progress
    where user_skill_progress.skill_id = %(skill_id)s
),

updated_profile as (
    update user_profiles
    set
        skills_completed = greatest(user_profiles.skills_completed - 1, 0),
        updated_at = now()
    from lost_work
    where
        user_profiles.user_id = lost_work.user_id
        and lost_work.status = 'COMPLETED'
    returning user_profiles.user_id
),

updated_tree as (
    update user_skill_tree_progress
    set
        time_spent_minutes = greatest(user_skill_tree_progress.time_spent_minutes - lost_work.time_spent_minutes, 0),
        updated_at = now()
    from lost_work
    where
        user_skill_tree_progress.user_id = lost_work.user_id
        and user_skill_tree_progress.skill_tree_id = lost_work.skill_tree_id
        and lost_work.time_spent_minutes > 0
    returning user_skill_tree_progress.user_id
)

delete from skills
where skills.id = %(skill_id)s
returning skills.id;
