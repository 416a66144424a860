-- Skills that have come open for a learner, by all that they need being satisfied, without the learner having been given
-- them.
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

due as (
    select
        user_skill_progress.user_id,
        edge.skill_id
    from edge
    inner join user_skill_progress on user_skill_progress.skill_id = edge.prerequisite_id
    where user_skill_progress.status in ('COMPLETED', 'SKIPPED')
    group by user_skill_progress.user_id, edge.skill_id, edge.prerequisites
    having count(*) = edge.prerequisites
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
where coalesce(user_skill_progress.status, 'LOCKED') = 'LOCKED'
order by due.user_id, due.skill_id;
