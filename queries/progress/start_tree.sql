-- Start a tree, if the learner has completed the trees that come before it. Starting it again changes nothing.
--
-- at  the time of the start; null is now
--
-- @role app_engine
-- @sample tree_id: (
--     select id from skill_trees where is_published and prerequisites = '{}' and id not in (
--         select skill_tree_id from user_skill_tree_progress where user_id = %(user_id)s
--     ) order by id limit 1
--     )
-- @budget buffers 61
-- @never Seq Scan on user_profiles, user_skill_tree_progress
with given as (
    select
        %(tree_id)s::uuid as tree_id,
        coalesce(%(at)s::timestamptz, now()) as at
),

situation as (
    select
        given.at,
        judge_moment(given.at, user_profiles.created_at) as moment_fault,
        user_profiles.user_id,
        skill_trees.id as skill_tree_id,
        user_skill_tree_progress.status,
        not exists (
            select from unnest(skill_trees.prerequisites) as prerequisite (id)
            inner join visible_trees as required_tree on required_tree.id = prerequisite.id
            left join user_skill_tree_progress as known
                on
                    known.user_id = %(user_id)s
                    and known.skill_tree_id = prerequisite.id
            -- A draft that the learner is not in holds nothing up.
            where coalesce(known.status <> 'COMPLETED', required_tree.is_published)
        ) as is_open
    from given
    left join user_profiles on user_profiles.user_id = %(user_id)s
    left join visible_trees as skill_trees on skill_trees.id = given.tree_id
    left join user_skill_tree_progress
        on
            user_skill_tree_progress.user_id = %(user_id)s
            and user_skill_tree_progress.skill_tree_id = skill_trees.id
),

judged as (
    select
        case
            when situation.user_id is null then 'USER_NOT_FOUND'
            when situation.skill_tree_id is null then 'TREE_NOT_FOUND'
            when situation.moment_fault is not null then situation.moment_fault
            when situation.status = 'IN_PROGRESS' then 'REPEATED'
            when situation.status = 'PAUSED' then 'PAUSED'
            when situation.status = 'COMPLETED' then 'ALREADY_COMPLETED'
            when not situation.is_open then 'LOCKED'
            else 'DONE'
        end as outcome
    from situation
),

begun_tree as (
    insert into begun_trees (skill_tree_id)
    select situation.skill_tree_id
    from situation
    cross join judged
    where
        judged.outcome = 'DONE'
        and not exists (
            select from begun_trees
            where begun_trees.skill_tree_id = situation.skill_tree_id
        )
    on conflict (skill_tree_id) do nothing
    returning begun_trees.skill_tree_id
),

started_tree as (
    insert into user_skill_tree_progress (user_id, skill_tree_id, status, started_at, last_activity_at)
    select
        situation.user_id,
        situation.skill_tree_id,
        'IN_PROGRESS' as status,
        situation.at as started_at,
        situation.at as last_activity_at
    from situation
    cross join judged
    where judged.outcome = 'DONE'
    on conflict (user_id, skill_tree_id) do update
        set
            status = excluded.status,
            started_at = excluded.started_at,
            last_activity_at = greatest(user_skill_tree_progress.last_activity_at, excluded.last_activity_at),
            updated_at = excluded.updated_at
    returning user_skill_tree_progress.user_id
)

select judged.outcome
from judged;
