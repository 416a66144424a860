-- Note that a learner has tried a skill's test, which begins it. The best score is kept; trying a completed skill again
-- can only raise it.
--
-- score   0 to 100; null when the try has none
-- failed  whether the try failed
-- at      when; null is now
--
-- @role app_engine
-- @budget buffers 140
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
        or coalesce(user_skill_progress.status = 'IN_PROGRESS', false) as is_open,
        user_profiles.current_streak,
        user_profiles.max_streak,
        user_profiles.streak_started_at,
        user_profiles.last_activity_on,
        user_profiles.last_activity_at,
        user_profiles.last_activity_offset,
        local_clock(given.at, user_profiles.timezone, user_profiles.day_starts_at) as clock
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
            when %(score)s::double precision not between 0 and 100 then 'INVALID_SCORE'
            when not situation.is_active then 'SKILL_INACTIVE'
            when situation.status = 'COMPLETED' then 'DONE'
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
        situation.clock::date as activity_date,
        situation.clock - (situation.at at time zone 'UTC') as clock_offset,
        -- A day before the last one may join some, whatever they are. Another activity on the last day changes nothing.
        case
            when situation.clock::date < situation.last_activity_on
                then (
                    select
                        late_day(
                            array_agg(user_activity_days.activity_date),
                            array_agg(user_activity_days.learnt_at),
                            array_agg(user_activity_days.is_counted),
                            situation.clock::date,
                            situation.at
                        )
                    from user_activity_days
                    where user_activity_days.user_id = %(user_id)s
                )
            when coalesce(situation.clock::date > situation.last_activity_on, true)
                then next_day(
                    situation.current_streak,
                    situation.streak_started_at,
                    situation.max_streak,
                    situation.last_activity_on,
                    situation.last_activity_at,
                    situation.last_activity_offset,
                    situation.at,
                    situation.clock
                )
        end as step
    from situation
    cross join judged
    where judged.outcome = 'DONE'
),

tried_skill as (
    insert into user_skill_progress (
        user_id,
        skill_id,
        skill_tree_id,
        status,
        attempts_count,
        failed_attempts,
        completion_score,
        unlocked_at,
        started_at,
        last_activity_at
    )
    select
        accepted.user_id,
        accepted.skill_id,
        accepted.skill_tree_id,
        'IN_PROGRESS' as status,
        1 as attempts_count,
        %(failed)s::boolean::integer as failed_attempts,
        %(score)s::double precision as completion_score,
        accepted.at as unlocked_at,
        accepted.at as started_at,
        accepted.at as last_activity_at
    from accepted
    on conflict (user_id, skill_id) do update
        set
            status = case
                when user_skill_progress.status = 'COMPLETED' then user_skill_progress.status
                else excluded.status
            end,
            attempts_count = user_skill_progress.attempts_count + excluded.attempts_count,
            failed_attempts = user_skill_progress.failed_attempts + excluded.failed_attempts,
            completion_score = greatest(user_skill_progress.completion_score, excluded.completion_score),
            -- Moments that an import left out are no later than those that it gave.
            unlocked_at = least(
                user_skill_progress.unlocked_at,
                user_skill_progress.started_at,
                user_skill_progress.completed_at,
                excluded.unlocked_at
            ),
            started_at = least(
                user_skill_progress.started_at, user_skill_progress.completed_at, excluded.started_at
            ),
            last_activity_at = greatest(user_skill_progress.last_activity_at, excluded.last_activity_at),
            updated_at = excluded.updated_at
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
),

day as (
    insert into user_activity_days (user_id, activity_date, learnt_at, is_counted)
    select
        accepted.user_id,
        accepted.activity_date - ago as activity_date,
        case when ago = 0 then accepted.at end as learnt_at,
        ago = 0 and coalesce((accepted.step).is_counted, true) as is_counted
    from accepted
    cross join generate_series(0, coalesce((accepted.step).skipped, 0)) as ago
    on conflict (user_id, activity_date) do nothing
    returning user_activity_days.activity_date
),

updated_profile as (
    update user_profiles
    set
        current_streak = coalesce((accepted.step).streak, user_profiles.current_streak),
        max_streak = coalesce((accepted.step).longest, user_profiles.max_streak),
        streak_started_at = coalesce((accepted.step).started_at, user_profiles.streak_started_at),
        last_activity_on = greatest(user_profiles.last_activity_on, accepted.activity_date),
        last_activity_at = greatest(user_profiles.last_activity_at, accepted.at),
        last_activity_offset = case
            when accepted.at < user_profiles.last_activity_at then user_profiles.last_activity_offset
            else accepted.clock_offset
        end,
        updated_at = now()
    from accepted
    where user_profiles.user_id = %(user_id)s
    returning user_profiles.user_id
)

select judged.outcome
from judged;
