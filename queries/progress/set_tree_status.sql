-- Pause a tree in progress (PAUSED), or resume a paused one (IN_PROGRESS). A tree that already has the status does not
-- change.
--
-- @role app_engine
-- @step pause_tree and resume_tree run it
-- @sample status: 'PAUSED'
-- @budget buffers 48
-- @never Seq Scan on user_profiles, user_skill_tree_progress
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

changed_tree as (
    update user_skill_tree_progress
    set
        status = %(status)s,
        updated_at = now()
    where
        user_skill_tree_progress.user_id = %(user_id)s
        and user_skill_tree_progress.skill_tree_id = %(tree_id)s
        and user_skill_tree_progress.status in ('IN_PROGRESS', 'PAUSED')
        and user_skill_tree_progress.status <> %(status)s
    returning user_skill_tree_progress.user_id
)

select
    case
        when situation.user_id is null then 'USER_NOT_FOUND'
        when situation.skill_tree_id is null then 'TREE_NOT_FOUND'
        when situation.status = 'NOT_STARTED' then 'NOT_STARTED'
        when situation.status = 'COMPLETED' then 'ALREADY_COMPLETED'
        else 'DONE'
    end as outcome
from situation;
