-- Skills whose prerequisites a learner has all satisfied, and that are not yet unlocked.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 85000
with edge as (
    select
        skills.id as skill_id,
        prerequisite.id as prerequisite_id,
        count(*) over (partition by skills.id) as prerequisites
    from skills
    cross join unnest(skills.dependencies) as dependency (id)
    inner join skills as prerequisite on prerequisite.id = dependency.id
    where
        skills.is_active
        and prerequisite.is_active
),

-- Counted in one pass: the satisfied prerequisites of a skill, and the stored status of the skill itself.
noted as (
    select
        skill_work.user_id,
        edge.skill_id,
        edge.prerequisites
    from edge
    inner join skill_work on skill_work.skill_id = edge.prerequisite_id
    where skill_work.is_satisfied
    union all
    select
        user_skill_progress.user_id,
        user_skill_progress.skill_id,
        null as prerequisites
    from user_skill_progress
    where user_skill_progress.status <> 'LOCKED'
),

due as (
    select
        noted.user_id,
        noted.skill_id
    from noted
    group by noted.user_id, noted.skill_id
    having
        count(noted.prerequisites) = max(noted.prerequisites)
        and count(noted.prerequisites) = count(*)
)

select
    'skill' as subject_kind,
    due.user_id,
    due.skill_id as subject_id,
    'status' as what,
    'AVAILABLE' as expected,
    user_skill_progress.status::text as found
from due
left join user_skill_progress
    on
        user_skill_progress.user_id = due.user_id
        and user_skill_progress.skill_id = due.skill_id
order by due.user_id, due.skill_id;
