-- How much of a tree one learner has completed: of its required active skills, or of all active ones where none is
-- required.
--
-- @budget buffers 38
-- @never Seq Scan on user_skill_progress
with active_skill as (
    select
        skills.id,
        skills.is_optional
    from skills
    where
        skills.skill_tree_id = %(tree_id)s
        and skills.is_active
),

counted_skill as (
    select active_skill.id
    from active_skill
    where
        not active_skill.is_optional
        or not exists (
            select from active_skill as required_skill
            where not required_skill.is_optional
        )
),

counted as (
    select
        count(*)::integer as total,
        count(user_skill_progress.skill_id)::integer as completed
    from counted_skill
    left join user_skill_progress
        on
            user_skill_progress.user_id = %(user_id)s
            and user_skill_progress.skill_id = counted_skill.id
            and user_skill_progress.status = 'COMPLETED'
)

select
    counted.total,
    counted.completed,
    coalesce(100.0 * counted.completed / nullif(counted.total, 0), 0)::double precision as percent
from skill_trees
cross join counted
where skill_trees.id = %(tree_id)s;
