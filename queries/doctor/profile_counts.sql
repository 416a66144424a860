-- Learners whose profile has wrong counts: skills completed, trees started and completed, hours learned. Hours may
-- differ by half a minute.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 12000
-- @never Seq Scan on user_skill_progress, user_skill_tree_progress
with skill_count as (
    select
        user_skill_progress.user_id,
        count(*) as completed
    from user_skill_progress
    where user_skill_progress.status = 'COMPLETED'
    group by user_skill_progress.user_id
),

tree_count as (
    select
        user_skill_tree_progress.user_id,
        count(*) as started,
        count(*) filter (where user_skill_tree_progress.status = 'COMPLETED') as completed
    from user_skill_tree_progress
    where user_skill_tree_progress.status <> 'NOT_STARTED'
    group by user_skill_tree_progress.user_id
),

learnt as (
    select
        user_activity_days.user_id,
        sum(user_activity_days.minutes) as minutes
    from user_activity_days
    group by user_activity_days.user_id
),

counted as (
    select
        user_profiles.user_id,
        user_profiles.skills_completed,
        user_profiles.trees_started,
        user_profiles.trees_completed,
        user_profiles.hours_learned,
        coalesce(skill_count.completed, 0) as completed_skills,
        coalesce(tree_count.started, 0) as started_trees,
        coalesce(tree_count.completed, 0) as completed_trees,
        coalesce(learnt.minutes, 0) as minutes,
        abs(user_profiles.hours_learned * 60 - coalesce(learnt.minutes, 0)) > 0.5 as has_other_hours
    from user_profiles
    left join skill_count on skill_count.user_id = user_profiles.user_id
    left join tree_count on tree_count.user_id = user_profiles.user_id
    left join learnt on learnt.user_id = user_profiles.user_id
)

select
    'learner' as subject_kind,
    counted.user_id,
    null::uuid as subject_id,
    field.what,
    field.expected,
    field.found
from counted
cross join
    lateral (
        values
        ('skills_completed', counted.completed_skills::text, counted.skills_completed::text),
        ('trees_started', counted.started_trees::text, counted.trees_started::text),
        ('trees_completed', counted.completed_trees::text, counted.trees_completed::text),
        (
            'hours_learned',
            case when counted.has_other_hours then (counted.minutes / 60.0)::double precision::text end,
            case when counted.has_other_hours then counted.hours_learned::text end
        )
    ) as field (what, expected, found)
where
    (
        counted.has_other_hours
        or row(counted.skills_completed, counted.trees_started, counted.trees_completed)
        <> row(counted.completed_skills, counted.started_trees, counted.completed_trees)
    )
    and field.expected is distinct from field.found
order by counted.user_id, field.what;
