-- Insert missing events for completed skills and awards of a learner, with their present XP, at the time and on the day
-- when they were earned.
--
-- @role app_service
-- @step a step of doctor.repair
-- @budget buffers 1700
-- @never Seq Scan on user_achievements, user_profiles, user_skill_progress
with earned as (
    select
        user_skill_progress.user_id,
        'SKILL' as source_kind,
        user_skill_progress.skill_id as source_id,
        skills.xp_value as xp,
        coalesce(
            user_skill_progress.completed_at, user_skill_progress.last_activity_at, user_skill_progress.updated_at
        ) as granted_at,
        skills.skill_tree_id,
        skill_trees.category_id,
        skills.difficulty,
        skills.skill_type
    from user_skill_progress
    inner join skills on skills.id = user_skill_progress.skill_id
    inner join skill_trees on skill_trees.id = skills.skill_tree_id
    where
        user_skill_progress.user_id = %(user_id)s
        and user_skill_progress.status = 'COMPLETED'
    union all
    select
        user_achievements.user_id,
        'ACHIEVEMENT' as source_kind,
        user_achievements.achievement_id as source_id,
        achievements.xp_reward as xp,
        user_achievements.earned_at as granted_at,
        null as skill_tree_id,
        null as category_id,
        null as difficulty,
        null as skill_type
    from user_achievements
    inner join achievements on achievements.id = user_achievements.achievement_id
    where user_achievements.user_id = %(user_id)s
)

insert into xp_events (
    user_id, source_kind, source_id, xp, granted_at, granted_on, skill_tree_id, category_id, difficulty, skill_type
)
select
    earned.user_id,
    earned.source_kind,
    earned.source_id,
    earned.xp,
    earned.granted_at,
    local_clock(earned.granted_at, user_profiles.timezone, user_profiles.day_starts_at)::date as granted_on,
    earned.skill_tree_id,
    earned.category_id,
    earned.difficulty,
    earned.skill_type
from user_profiles
inner join earned on earned.user_id = user_profiles.user_id
where user_profiles.user_id = %(user_id)s
order by earned.source_kind, earned.source_id
on conflict (user_id, source_kind, source_id) do nothing
returning xp_events.source_id;
