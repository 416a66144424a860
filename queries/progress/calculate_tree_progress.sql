-- How much of a tree a learner has completed. Its required active skills count, or all active ones if none is
-- required.
--
-- @budget buffers 38
-- @never Seq Scan on user_skill_progress
with counted as (
    select
        count(*) as active,
        count(user_skill_progress.skill_id) as active_completed,
        count(*) filter (where not skills.is_optional) as required,
        count(user_skill_progress.skill_id) filter (where not skills.is_optional) as required_completed
    from skills
    left join user_skill_progress
        on
            user_skill_progress.user_id = %(user_id)s
            and user_skill_progress.skill_tree_id = (select %(tree_id)s::uuid)
            and user_skill_progress.skill_id = skills.id
            and user_skill_progress.status = 'COMPLETED'
    where
        skills.skill_tree_id = (select %(tree_id)s::uuid)
        and skills.is_active
),

chosen as (
    select
        coalesce(nullif(counted.required, 0), counted.active)::integer as total,
        case
            when counted.required > 0 then counted.required_completed
            else counted.active_completed
        end::integer as completed
    from counted
)

select
    chosen.total,
    chosen.completed,
    coalesce(100.0 * chosen.completed / nullif(chosen.total, 0), 0)::double precision as percent
from visible_trees as skill_trees
cross join chosen
where skill_trees.id = %(tree_id)s;
