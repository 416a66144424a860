-- Skip an optional skill that is open, so that it no longer holds up other skills. Skipping it again changes nothing.
--
-- at  the time of skipping; null is now
--
-- @role app_engine
-- @sample user_id: (
--     select user_id from user_skill_progress inner join skills on skills.id = user_skill_progress.skill_id
--     where status in ('AVAILABLE', 'IN_PROGRESS') and is_optional order by user_id limit 1
--     )
-- @sample skill_id: (
--     select skills.id from user_skill_progress inner join skills on skills.id = user_skill_progress.skill_id
--     where user_skill_progress.user_id = %(user_id)s and status in ('AVAILABLE', 'IN_PROGRESS') and is_optional
--     order by skills.id limit 1
--     )
-- @budget buffers 200
-- @never Seq Scan on user_profiles, user_skill_progress
with given as (
    select
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
        skills.dependents,
        skills.is_active,
        skills.is_optional,
        user_skill_progress.status,
        not exists (
            select from unsatisfied_skills
            where
                unsatisfied_skills.user_id = %(user_id)s
                and unsatisfied_skills.skill_id = any(skills.dependencies)
        )
        -- A skill that the learner has begun stays open when it gets another dependency.
        or coalesce(user_skill_progress.status = 'IN_PROGRESS', false) as is_open
    from given
    left join user_profiles on user_profiles.user_id = %(user_id)s
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
            and user_skill_progress.skill_id = skills.id
),

judged as (
    select
        case
            when situation.user_id is null then 'USER_NOT_FOUND'
            when situation.skill_id is null then 'SKILL_NOT_FOUND'
            when situation.moment_fault is not null then situation.moment_fault
            when situation.status = 'SKIPPED' then 'REPEATED'
            when not situation.is_active then 'SKILL_INACTIVE'
            when situation.status = 'COMPLETED' then 'ALREADY_COMPLETED'
            when not situation.is_optional then 'NOT_OPTIONAL'
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
        situation.skill_tree_id,
        situation.dependents,
        false as was_satisfied
    from situation
    cross join judged
    where judged.outcome = 'DONE'
),

opened_skill as (
    select
        dependent.id,
        dependent.name,
        dependent.position_y,
        dependent.position_x,
        dependent.sort_order
    from accepted
    inner join skills as dependent on dependent.id = any(accepted.dependents)
    left join user_skill_progress as known
        on
            known.user_id = %(user_id)s
            and known.skill_id = dependent.id
    where
        dependent.is_active
        and coalesce(known.status, 'LOCKED') in ('LOCKED', 'AVAILABLE')
        -- If the skill was satisfied before, this opens nothing new.
        and not accepted.was_satisfied
        -- `is false` keeps it a subplan of each skill: as a join, it can take minutes if the planner expects few rows.
        and exists (
            select from unsatisfied_skills
            where
                unsatisfied_skills.user_id = %(user_id)s
                and unsatisfied_skills.skill_id = any(dependent.dependencies)
                and unsatisfied_skills.skill_id <> accepted.skill_id
        ) is false
),

skipped_skill as (
    insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, unlocked_at, last_activity_at)
    select
        accepted.user_id,
        accepted.skill_id,
        accepted.skill_tree_id,
        'SKIPPED' as status,
        accepted.at as unlocked_at,
        accepted.at as last_activity_at
    from accepted
    on conflict (user_id, skill_id) do update
        set
            status = excluded.status,
            -- An imported row may have a start and no unlocked_at.
            unlocked_at = least(
                user_skill_progress.unlocked_at, user_skill_progress.started_at, excluded.unlocked_at
            ),
            last_activity_at = greatest(user_skill_progress.last_activity_at, excluded.last_activity_at),
            updated_at = excluded.updated_at
    returning user_skill_progress.user_id
),

unlocked_skill as (
    insert into user_skill_progress (user_id, skill_id, skill_tree_id, status, unlocked_at)
    select
        accepted.user_id,
        opened_skill.id as skill_id,
        accepted.skill_tree_id,
        'AVAILABLE' as status,
        accepted.at as unlocked_at
    from accepted
    cross join opened_skill
    on conflict (user_id, skill_id) do update
        set
            status = excluded.status,
            unlocked_at = least(user_skill_progress.started_at, excluded.unlocked_at),
            updated_at = excluded.updated_at
    returning user_skill_progress.skill_id
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
    -- Work in a paused tree resumes it.
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

select
    judged.outcome,
    (
        select
            coalesce(
                json_agg(
                    json_build_object('id', opened_skill.id, 'name', opened_skill.name)
                    order by
                        opened_skill.position_y, opened_skill.position_x, opened_skill.sort_order, opened_skill.id
                ),
                '[]'
            )
        from opened_skill
    ) as unlocked
from judged;
