-- Work on a skill: start it, and record the time or the attempt at a test. Work on a completed skill counts, too.
--
-- is_learning            whether the work counts as learning on that day; if not, it only starts the skill
-- minutes                0 to 1440, whole; null means no time
-- engagement             0 to 1; null keeps the stored value
-- struggling_indicators  a JSON object whose keys are added to the stored ones; null adds none
-- attempts               the number of attempts to count: 0 or 1
-- failed                 whether the attempt failed
-- score                  the score of the attempt, 0 to 100; the best one is kept; null means none
-- at                     the time of the work; null is now
--
-- @role app_engine
-- @step start_skill, record_activity and record_attempt run it, each with other parameters
-- @sample is_learning: true
-- @sample attempts: 0
-- @budget buffers 170
-- @never Seq Scan on user_profiles, user_skill_progress
with given as (
    select
        %(skill_id)s::uuid as skill_id,
        %(is_learning)s::boolean as is_learning,
        coalesce(%(at)s::timestamptz, now()) as at,
        -- progress/settle compares with it. On a distributed server, an UPDATE has another time than a SELECT.
        now() as written_at
),

situation as (
    select
        given.at,
        given.is_learning,
        judge_moment(given.at, user_profiles.created_at) as moment_fault,
        user_profiles.user_id,
        skills.id as skill_id,
        skills.skill_tree_id,
        skills.is_active,
        user_skill_progress.status,
        not exists (
            select from unsatisfied_skills
            where
                unsatisfied_skills.user_id = %(user_id)s
                and unsatisfied_skills.skill_id = any(skills.dependencies)
        )
        -- A skill that the learner has begun stays open when it gets another dependency.
        or coalesce(user_skill_progress.status = 'IN_PROGRESS', false) as is_open,
        user_profiles.current_streak,
        user_profiles.max_streak,
        user_profiles.streak_started_at,
        user_profiles.last_activity_on,
        user_profiles.last_activity_at,
        user_profiles.last_activity_offset,
        local_clock(given.at, user_profiles.timezone, user_profiles.day_starts_at) as clock
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
            when
                %(minutes)s::numeric not between 0 and 1440
                or trunc(%(minutes)s::numeric) <> %(minutes)s::numeric then 'INVALID_MINUTES'
            when %(score)s::double precision not between 0 and 100 then 'INVALID_SCORE'
            when not situation.is_active then 'SKILL_INACTIVE'
            when situation.status = 'COMPLETED' and situation.is_learning then 'DONE'
            when situation.status = 'COMPLETED' then 'ALREADY_COMPLETED'
            when not situation.is_open then 'LOCKED'
            else 'DONE'
        end as outcome
    from situation
),

accepted as (
    select
        situation.at,
        situation.is_learning,
        situation.user_id,
        situation.skill_id,
        situation.skill_tree_id,
        coalesce(situation.status = 'IN_PROGRESS', false) as is_under_way,
        situation.clock::date as activity_date,
        situation.clock - (situation.at at time zone 'UTC') as clock_offset,
        -- A day before the latest one may join other days, so all days are read. More activity on the latest day
        -- changes nothing.
        case
            when not situation.is_learning then null
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

worked_skill as (
    insert into user_skill_progress (
        user_id,
        skill_id,
        skill_tree_id,
        status,
        time_spent_minutes,
        attempts_count,
        failed_attempts,
        completion_score,
        unlocked_at,
        started_at,
        last_activity_at,
        engagement_score,
        struggling_indicators
    )
    select
        accepted.user_id,
        accepted.skill_id,
        accepted.skill_tree_id,
        'IN_PROGRESS' as status,
        coalesce(%(minutes)s, 0) as time_spent_minutes,
        %(attempts)s::integer as attempts_count,
        %(failed)s::boolean::integer as failed_attempts,
        %(score)s::double precision as completion_score,
        accepted.at as unlocked_at,
        accepted.at as started_at,
        accepted.at as last_activity_at,
        %(engagement)s::double precision as engagement_score,
        %(struggling_indicators)s::jsonb as struggling_indicators
    from accepted
    where accepted.is_learning or not accepted.is_under_way
    on conflict (user_id, skill_id) do update
        set
            status = case
                when user_skill_progress.status = 'COMPLETED' then user_skill_progress.status
                else excluded.status
            end,
            time_spent_minutes = user_skill_progress.time_spent_minutes + excluded.time_spent_minutes,
            attempts_count = user_skill_progress.attempts_count + excluded.attempts_count,
            failed_attempts = user_skill_progress.failed_attempts + excluded.failed_attempts,
            completion_score = greatest(user_skill_progress.completion_score, excluded.completion_score),
            -- An imported row may have a later time without an earlier one.
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
            engagement_score = coalesce(excluded.engagement_score, user_skill_progress.engagement_score),
            struggling_indicators = coalesce(
                user_skill_progress.struggling_indicators || excluded.struggling_indicators,
                excluded.struggling_indicators,
                user_skill_progress.struggling_indicators
            ),
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
),

day as (
    insert into user_activity_days (user_id, activity_date, minutes, learnt_at, is_counted)
    select
        accepted.user_id,
        accepted.activity_date - ago as activity_date,
        case when ago = 0 then coalesce(%(minutes)s::integer, 0) else 0 end as minutes,
        case when ago = 0 then accepted.at end as learnt_at,
        ago = 0 and coalesce((accepted.step).is_counted, true) as is_counted
    from accepted
    cross join generate_series(0, coalesce((accepted.step).skipped, 0)) as ago
    where accepted.is_learning
    on conflict (user_id, activity_date) do update
        set minutes = user_activity_days.minutes + excluded.minutes
        where excluded.minutes > 0
    returning user_activity_days.activity_date
),

updated_profile as (
    update user_profiles
    set
        -- Whole minutes are added, so that rounding errors do not accumulate.
        hours_learned = coalesce(
            (round(user_profiles.hours_learned * 60) + %(minutes)s) / 60, user_profiles.hours_learned
        ),
        current_streak = coalesce((accepted.step).streak, user_profiles.current_streak),
        max_streak = coalesce((accepted.step).longest, user_profiles.max_streak),
        streak_started_at = coalesce((accepted.step).started_at, user_profiles.streak_started_at),
        last_activity_on = greatest(user_profiles.last_activity_on, accepted.activity_date),
        last_activity_at = greatest(user_profiles.last_activity_at, accepted.at),
        last_activity_offset = case
            when accepted.at < user_profiles.last_activity_at then user_profiles.last_activity_offset
            else accepted.clock_offset
        end,
        updated_at = given.written_at
    from accepted
    cross join given
    where
        user_profiles.user_id = %(user_id)s
        and accepted.is_learning
    returning user_profiles.user_id
)

select judged.outcome
from judged;
