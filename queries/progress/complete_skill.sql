-- Complete a skill for a learner, once and for ever: the work, the XP in the ledger and in the profile, the level, the
-- day, the streak, the progress in the tree, and the skills that open. Completed already, only the best score is
-- raised.
--
-- score     0 to 100; null keeps the best so far
-- evidence  a JSON object; null is none
-- at        when; null is now
--
-- @role app_engine
-- @budget buffers 320
-- @never Seq Scan on user_profiles, user_skill_progress, user_skill_tree_progress
with given as (
    select
        %(user_id)s::uuid as user_id,
        %(skill_id)s::uuid as skill_id,
        coalesce(%(at)s::timestamptz, now()) as at
),

situation as (
    select
        given.at,
        user_profiles.user_id,
        skills.id as skill_id,
        skills.skill_tree_id,
        skills.dependents,
        skills.xp_value,
        skills.difficulty,
        skills.skill_type,
        skill_trees.category_id,
        case
            when skills.assessments is not null
                then coalesce((skills.assessments ->> 'passingScore')::double precision, 70)
        end as passing_score,
        skills.is_active,
        user_skill_progress.status,
        greatest(user_skill_progress.completion_score, %(score)s::double precision) as best_score,
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
        not skills.is_optional or not exists (
            select from skills as required_skill
            where
                required_skill.skill_tree_id = skills.skill_tree_id
                and required_skill.is_active
                and not required_skill.is_optional
        ) as counts,
        skills.is_milestone,
        user_skill_tree_progress.status as tree_status,
        user_skill_tree_progress.skills_completed,
        user_skill_tree_progress.milestones_reached,
        coalesce(
            user_skill_tree_progress.total_skills,
            (
                select
                    coalesce(
                        nullif(count(*) filter (where not counted_skill.is_optional), 0),
                        count(*)
                    )
                from skills as counted_skill
                where
                    counted_skill.skill_tree_id = skills.skill_tree_id
                    and counted_skill.is_active
            )
        )::integer as total_skills,
        user_profiles.current_streak,
        user_profiles.last_activity_on,
        (given.at at time zone coalesce(user_profiles.timezone, 'UTC'))::date as activity_date
    from given
    left join user_profiles on user_profiles.user_id = given.user_id
    left join skills on skills.id = given.skill_id
    left join skill_trees on skill_trees.id = skills.skill_tree_id
    left join user_skill_progress
        on
            user_skill_progress.user_id = %(user_id)s
            and user_skill_progress.skill_id = %(skill_id)s
    left join user_skill_tree_progress
        on
            user_skill_tree_progress.user_id = %(user_id)s
            and user_skill_tree_progress.skill_tree_id = skills.skill_tree_id
),

judged as (
    select
        case
            when situation.user_id is null then 'USER_NOT_FOUND'
            when situation.skill_id is null then 'SKILL_NOT_FOUND'
            when situation.at > now() + interval '1 minute' then 'IN_FUTURE'
            when %(score)s::double precision not between 0 and 100 then 'INVALID_SCORE'
            when situation.status = 'COMPLETED' then 'REPEATED'
            when not situation.is_active then 'SKILL_INACTIVE'
            when not situation.is_open then 'LOCKED'
            when %(method)s <> 'ASSESSMENT' then 'DONE'
            when situation.best_score is null then 'SCORE_MISSING'
            when situation.best_score < situation.passing_score then 'NOT_PASSED'
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
        situation.xp_value,
        situation.difficulty,
        situation.skill_type,
        situation.category_id,
        situation.activity_date,
        coalesce(situation.status = 'SKIPPED', false) as was_satisfied,
        situation.tree_status,
        situation.total_skills,
        -- No more than there are, should the count have drifted.
        least(
            coalesce(situation.skills_completed, 0) + situation.counts::integer, situation.total_skills
        ) as skills_completed,
        case
            when situation.is_milestone
                then (
                    select array_agg(reached.id order by reached.id)
                    from unnest(situation.milestones_reached || situation.skill_id) as reached (id)
                )
            else coalesce(situation.milestones_reached, '{}')
        end as milestones_reached,
        case
            when situation.tree_status = 'COMPLETED' then 'COMPLETED'
            when
                situation.counts
                and coalesce(situation.skills_completed, 0) + 1 = situation.total_skills then 'COMPLETED'
            -- To work in a paused tree is to resume it.
            else 'IN_PROGRESS'
        end::tree_progress_status as new_tree_status,
        next_streak(situation.current_streak, situation.last_activity_on, situation.activity_date) as streak
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
        -- What depended on a satisfied skill was open before.
        and not accepted.was_satisfied
        and not exists (
            select from unnest(dependent.dependencies) as dependency (id)
            inner join skills as prerequisite on prerequisite.id = dependency.id
            left join user_skill_progress as satisfied
                on
                    satisfied.user_id = accepted.user_id
                    and satisfied.skill_id = prerequisite.id
                    and satisfied.status in ('COMPLETED', 'SKIPPED')
            where
                prerequisite.is_active
                and prerequisite.id <> accepted.skill_id
                and satisfied.skill_id is null
        )
),

written_skill as (
    insert into user_skill_progress (
        user_id,
        skill_id,
        skill_tree_id,
        status,
        progress_percent,
        completion_method,
        completion_score,
        evidence_data,
        unlocked_at,
        started_at,
        last_activity_at,
        completed_at
    )
    select
        accepted.user_id,
        accepted.skill_id,
        accepted.skill_tree_id,
        'COMPLETED'::skill_progress_status as status,
        100 as progress_percent,
        %(method)s::completion_method as completion_method,
        %(score)s::double precision as completion_score,
        %(evidence)s::jsonb as evidence_data,
        accepted.at as unlocked_at,
        accepted.at as started_at,
        accepted.at as last_activity_at,
        accepted.at as completed_at
    from accepted
    union all
    select
        accepted.user_id,
        opened_skill.id,
        accepted.skill_tree_id,
        'AVAILABLE',
        0,
        null,
        null,
        null,
        accepted.at,
        null,
        null,
        null
    from accepted
    cross join opened_skill
    on conflict (user_id, skill_id) do update
        set
            status = excluded.status,
            progress_percent = excluded.progress_percent,
            completion_method = excluded.completion_method,
            completion_score = greatest(user_skill_progress.completion_score, excluded.completion_score),
            evidence_data = excluded.evidence_data,
            unlocked_at = case
                when excluded.status = 'AVAILABLE' then excluded.unlocked_at
                else coalesce(user_skill_progress.unlocked_at, excluded.unlocked_at)
            end,
            started_at = coalesce(user_skill_progress.started_at, excluded.started_at),
            last_activity_at = greatest(user_skill_progress.last_activity_at, excluded.last_activity_at),
            completed_at = excluded.completed_at
    returning user_skill_progress.user_id
),

raised_score as (
    update user_skill_progress
    set completion_score = situation.best_score
    from situation
    cross join judged
    where
        judged.outcome = 'REPEATED'
        and user_skill_progress.user_id = %(user_id)s
        and user_skill_progress.skill_id = situation.skill_id
        and user_skill_progress.completion_score is distinct from situation.best_score
    returning user_skill_progress.user_id
),

paid_event as (
    insert into xp_events (
        user_id, source_kind, source_id, xp, granted_at, granted_on, skill_tree_id, category_id, difficulty, skill_type
    )
    select
        accepted.user_id,
        'SKILL' as source_kind,
        accepted.skill_id as source_id,
        accepted.xp_value as xp,
        accepted.at as granted_at,
        accepted.activity_date as granted_on,
        accepted.skill_tree_id,
        accepted.category_id,
        accepted.difficulty,
        accepted.skill_type
    from accepted
    -- Completed before a reset, it has paid already.
    on conflict (user_id, source_kind, source_id) do nothing
    returning xp_events.xp
),

gain as (
    select coalesce(sum(paid_event.xp), 0)::integer as xp
    from paid_event
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

completed_tree as (
    insert into user_skill_tree_progress (
        user_id,
        skill_tree_id,
        status,
        total_skills,
        skills_completed,
        progress_percent,
        milestones_reached,
        started_at,
        last_activity_at,
        completed_at
    )
    select
        accepted.user_id,
        accepted.skill_tree_id,
        accepted.new_tree_status,
        accepted.total_skills,
        accepted.skills_completed,
        coalesce(100.0 * accepted.skills_completed / nullif(accepted.total_skills, 0), 0) as progress_percent,
        accepted.milestones_reached,
        accepted.at as started_at,
        accepted.at as last_activity_at,
        case when accepted.new_tree_status = 'COMPLETED' then accepted.at end as completed_at
    from accepted
    on conflict (user_id, skill_tree_id) do update
        set
            status = excluded.status,
            total_skills = excluded.total_skills,
            skills_completed = excluded.skills_completed,
            progress_percent = excluded.progress_percent,
            milestones_reached = excluded.milestones_reached,
            started_at = coalesce(user_skill_tree_progress.started_at, excluded.started_at),
            last_activity_at = greatest(user_skill_tree_progress.last_activity_at, excluded.last_activity_at),
            completed_at = coalesce(user_skill_tree_progress.completed_at, excluded.completed_at)
    returning user_skill_tree_progress.user_id
),

day as (
    insert into user_activity_days (user_id, activity_date, minutes)
    select
        accepted.user_id,
        accepted.activity_date,
        0 as minutes
    from accepted
    on conflict (user_id, activity_date) do nothing
    returning user_activity_days.activity_date
),

updated_profile as (
    update user_profiles
    set
        total_xp = user_profiles.total_xp + gain.xp,
        current_level = greatest(
            user_profiles.current_level,
            (
                select levels.level
                from levels
                where levels.min_xp <= user_profiles.total_xp + gain.xp
                order by levels.min_xp desc
                limit 1
            )
        ),
        skills_completed = user_profiles.skills_completed + 1,
        trees_started = user_profiles.trees_started
        + (coalesce(accepted.tree_status, 'NOT_STARTED') = 'NOT_STARTED')::integer,
        trees_completed = user_profiles.trees_completed
        + (accepted.new_tree_status = 'COMPLETED' and accepted.tree_status is distinct from 'COMPLETED')::integer,
        current_streak = accepted.streak,
        max_streak = greatest(user_profiles.max_streak, accepted.streak),
        last_activity_on = greatest(user_profiles.last_activity_on, accepted.activity_date),
        last_activity_at = greatest(user_profiles.last_activity_at, accepted.at)
    from accepted
    cross join gain
    where user_profiles.user_id = %(user_id)s
    returning user_profiles.user_id
)

select
    judged.outcome,
    situation.passing_score,
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
from judged
cross join situation;
