-- Learners whose progress in a tree does not agree with their skills, who have completed a tree that is not marked as
-- completed, or who work in a tree that is not marked as started.
--
-- @role app_service
-- @step an invariant that doctor.examine and doctor.repair check
-- @across checks all learners
-- @budget buffers 160000
with compared as (
    select
        user_skill_tree_progress.user_id,
        user_skill_tree_progress.skill_tree_id,
        user_skill_tree_progress.status,
        user_skill_tree_progress.total_skills,
        user_skill_tree_progress.skills_completed,
        user_skill_tree_progress.progress_percent,
        user_skill_tree_progress.milestones_reached,
        user_skill_tree_progress.time_spent_minutes,
        tree_standings.total_skills as due_total,
        tree_standings.skills_completed as due_completed,
        tree_standings.progress_percent as due_percent,
        tree_standings.milestones_reached as due_milestones,
        tree_standings.time_spent_minutes as due_minutes,
        tree_standings.milestones_reached <@ user_skill_tree_progress.milestones_reached
        and tree_standings.milestones_reached @> user_skill_tree_progress.milestones_reached as has_milestones,
        -- Rounding differences do not count.
        abs(tree_standings.progress_percent - user_skill_tree_progress.progress_percent) < 0.000001 as has_percent,
        user_skill_tree_progress.status in ('IN_PROGRESS', 'PAUSED')
        and tree_standings.total_skills > 0
        and tree_standings.skills_completed = tree_standings.total_skills as completes,
        user_skill_tree_progress.status = 'COMPLETED'
        and user_skill_tree_progress.completed_at is null as lacks_moment
    from user_skill_tree_progress
    inner join tree_standings
        on
            tree_standings.user_id = user_skill_tree_progress.user_id
            and tree_standings.skill_tree_id = user_skill_tree_progress.skill_tree_id
),

drifted as (
    select
        compared.user_id,
        compared.skill_tree_id,
        field.what,
        field.expected,
        field.found
    from compared
    cross join
        lateral (
            values
            ('total_skills', compared.due_total::text, compared.total_skills::text),
            ('skills_completed', compared.due_completed::text, compared.skills_completed::text),
            (
                'progress_percent',
                case when not compared.has_percent then compared.due_percent::text end,
                case when not compared.has_percent then compared.progress_percent::text end
            ),
            (
                'milestones_reached',
                case when not compared.has_milestones then compared.due_milestones::text end,
                case when not compared.has_milestones then compared.milestones_reached::text end
            ),
            ('time_spent_minutes', compared.due_minutes::text, compared.time_spent_minutes::text),
            (
                'status',
                case when compared.completes then 'COMPLETED' else compared.status::text end,
                compared.status::text
            ),
            ('completed_at', case when compared.lacks_moment then 'a moment' end, null)
        ) as field (what, expected, found)
    where
        (
            not compared.has_milestones
            or not compared.has_percent
            or compared.completes
            or compared.lacks_moment
            or row(
                compared.total_skills,
                compared.skills_completed,
                compared.time_spent_minutes
            ) <> row(compared.due_total, compared.due_completed, compared.due_minutes)
        )
        and field.expected is distinct from field.found
),

begun as (
    select distinct
        skill_work.user_id,
        skill_work.skill_tree_id
    from skill_work
    where skill_work.is_begun
)

select
    'tree' as subject_kind,
    drifted.user_id,
    drifted.skill_tree_id as subject_id,
    drifted.what,
    drifted.expected,
    drifted.found
from drifted
union all
select
    'tree' as subject_kind,
    begun.user_id,
    begun.skill_tree_id as subject_id,
    'status' as what,
    'IN_PROGRESS' as expected,
    user_skill_tree_progress.status::text as found
from begun
left join user_skill_tree_progress
    on
        user_skill_tree_progress.user_id = begun.user_id
        and user_skill_tree_progress.skill_tree_id = begun.skill_tree_id
where coalesce(user_skill_tree_progress.status, 'NOT_STARTED') = 'NOT_STARTED'
order by user_id, subject_id, what;
