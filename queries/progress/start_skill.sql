-- Begin a skill, if it is open to the learner. Begun already, nothing changes but that its tree is under way.
--
-- at  when; null is now
--
-- @role app_engine
-- @budget buffers 93
-- @never Seq Scan on user_profiles, user_skill_progress
with given as (
    select
        %(user_id)s::uuid as user_id,
        %(skill_id)s::uuid as skill_id,
        coalesce(%(at)s::timestamptz, now()) as at
),

situation as (
    select
        given.at,
        judge_moment(given.at, user_profiles.created_at) as moment_fault,
        user_profiles.user_id,
        skills.id as skill_id,
        skills.skill_tree_id,
        skills.is_active,
        user_skill_progress.status,
        not exists (
            select from skills as prerequisite
            where
                prerequisite.id = any(skills.dependencies)
                and prerequisite.is_active
                and not exists (
                    select from user_skill_progress as satisfied
                    where
                        satisfied.user_id = %(user_id)s
                        and satisfied.skill_id = prerequisite.id
                        and satisfied.status in ('COMPLETED', 'SKIPPED')
                )
        )
        -- Work once begun goes on when the skill gains a prerequisite.
        or coalesce(user_skill_progress.status = 'IN_PROGRESS', false) as is_open
    from given
    left join user_profiles on user_profiles.user_id = given.user_id
    left join skills
        on
            skills.id = given.skill_id
            and exists (
                select from visible_trees
                where visible_trees.id = skills.skill_tree_id
            )
    left join user_skill_progress
        on
            user_skill_progress.user_id = %(user_id)s
            and user_skill_progress.skill_id = %(skill_id)s
),

judged as (
    select
        case
            when situation.user_id is null then 'USER_NOT_FOUND'
            when situation.skill_id is null then 'SKILL_NOT_FOUND'
            when situation.moment_fault is not null then situation.moment_fault
            when not situation.is_active then 'SKILL_INACTIVE'
            when situation.status = 'COMPLETED' then 'ALREADY_COMPLETED'
            when not situation.is_open then 'LOCKED'
            else 'DONE'
        end as outcome
    from situation
),

accepted as (
    select
        situation.at,
        situation.user_id,
        situation.skill_id,
        situation.skill_tree_id
    from situation
    cross join judged
    where judged.outcome = 'DONE'
),

started_skill as (
    insert into user_skill_progress (
        user_id, skill_id, skill_tree_id, status, unlocked_at, started_at, last_activity_at
    )
    select
        accepted.user_id,
        accepted.skill_id,
        accepted.skill_tree_id,
        'IN_PROGRESS' as status,
        accepted.at as unlocked_at,
        accepted.at as started_at,
        accepted.at as last_activity_at
    from accepted
    on conflict (user_id, skill_id) do update
        set
            status = excluded.status,
            -- An import may have left it out, and given the start.
            unlocked_at = least(
                user_skill_progress.unlocked_at, user_skill_progress.started_at, excluded.unlocked_at
            ),
            started_at = least(user_skill_progress.started_at, excluded.started_at),
            last_activity_at = greatest(user_skill_progress.last_activity_at, excluded.last_activity_at),
            updated_at = excluded.updated_at
        where user_skill_progress.status <> 'IN_PROGRESS'
    returning user_skill_progress.user_id
),

begun_tree as (
    insert into begun_trees (skill_tree_id)
    select accepted.skill_tree_id
    from accepted
    where
        not exists (
            select from begun_trees
            where begun_trees.skill_tree_id = accepted.skill_tree_id
        )
    on conflict (skill_tree_id) do nothing
    returning begun_trees.skill_tree_id
),

touched_tree as (
    insert into user_skill_tree_progress (user_id, skill_tree_id, status, started_at, last_activity_at)
    select
        accepted.user_id,
        accepted.skill_tree_id,
        'IN_PROGRESS' as status,
        accepted.at as started_at,
        accepted.at as last_activity_at
    from accepted
    -- To work in a paused tree is to resume it.
    on conflict (user_id, skill_tree_id) do update
        set
            status = case
                when user_skill_tree_progress.status in ('NOT_STARTED', 'PAUSED') then excluded.status
                else user_skill_tree_progress.status
            end,
            started_at = least(user_skill_tree_progress.started_at, excluded.started_at),
            last_activity_at = greatest(user_skill_tree_progress.last_activity_at, excluded.last_activity_at),
            updated_at = excluded.updated_at
    returning user_skill_tree_progress.user_id
)

select judged.outcome
from judged;
