-- Set the path that a learner has chosen through a tree that they have started: active skills of the tree, in the
-- chosen order. Setting the same path again changes nothing. If it is refused, `skill_id` is the first skill that
-- cannot be in the path.
--
-- @role app_engine
-- @after progress/lock_learner
-- @sample current_path: array(
--     select id from skills where skill_tree_id = %(tree_id)s and is_active order by sort_order desc, id limit 100
--     )
-- @budget buffers 86
-- @never Seq Scan on user_profiles, user_skill_tree_progress, skills
with given as (
    select %(tree_id)s::uuid as tree_id
),

situation as (
    select
        user_profiles.user_id,
        skill_trees.id as skill_tree_id,
        coalesce(user_skill_tree_progress.status, 'NOT_STARTED') as status
    from given
    left join user_profiles on user_profiles.user_id = %(user_id)s
    left join visible_trees as skill_trees on skill_trees.id = given.tree_id
    left join user_skill_tree_progress
        on
            user_skill_tree_progress.user_id = %(user_id)s
            and user_skill_tree_progress.skill_tree_id = skill_trees.id
),

unfit_step as (
    select
        step.id,
        skills.id is null as is_absent
    from unnest(%(current_path)s::uuid[]) with ordinality as step (id, place)
    left join skills
        on
            skills.id = step.id
            and skills.skill_tree_id = %(tree_id)s
    where skills.is_active is not true
    order by step.place
    limit 1
),

judged as (
    select
        case
            when situation.user_id is null then 'USER_NOT_FOUND'
            when situation.skill_tree_id is null then 'TREE_NOT_FOUND'
            when situation.status = 'NOT_STARTED' then 'NOT_STARTED'
            when unfit_step.is_absent then 'SKILL_NOT_FOUND'
            when unfit_step.id is not null then 'SKILL_INACTIVE'
            else 'DONE'
        end as outcome,
        unfit_step.id as skill_id
    from situation
    left join unfit_step on true
),

changed_tree as (
    update user_skill_tree_progress
    set
        current_path = %(current_path)s,
        updated_at = now()
    from judged
    where
        user_skill_tree_progress.user_id = %(user_id)s
        and user_skill_tree_progress.skill_tree_id = %(tree_id)s
        and judged.outcome = 'DONE'
        and user_skill_tree_progress.current_path <> %(current_path)s
    returning user_skill_tree_progress.user_id
)

select
    judged.outcome,
    case when judged.outcome in ('SKILL_NOT_FOUND', 'SKILL_INACTIVE') then judged.skill_id end as skill_id
from judged;
