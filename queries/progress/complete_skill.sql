-- Complete a skill for a learner, once: write the work, the skills that open, the progress in the tree, the day, the
-- streak, the XP, the achievements and the level. A skill that is already completed stays as it is (see
-- progress/raise_score). The learner has been locked before.
--
-- Other actions write their facts first, and then progress/settle awards what is due. Here one statement does both and
-- writes the profile once, because completions are the most frequent action.
--
-- score     0 to 100; null keeps the best score so far
-- evidence  a JSON object; null means none
-- at        the time of completion; null is now
--
-- @role app_engine
-- @nullable progress: a refused or repeated completion writes none
-- @nullable tree_progress: nor does it write the tree's
-- @budget buffers 410
-- @never Seq Scan on user_profiles, user_skill_progress, user_skill_tree_progress, user_achievements, xp_events
with learner as materialized (
    select
        asked.at,
        judge_moment(asked.at, user_profiles.created_at) as moment_fault,
        user_profiles.user_id,
        user_profiles.total_xp,
        user_profiles.current_level,
        user_profiles.current_streak,
        user_profiles.max_streak,
        user_profiles.last_activity_on,
        user_profiles.last_activity_at,
        user_profiles.last_activity_offset,
        user_profiles.streak_started_at,
        local_clock(asked.at, user_profiles.timezone, user_profiles.day_starts_at) as clock
    from (select coalesce(%(at)s::timestamptz, now()) as at) as asked
    left join user_profiles on user_profiles.user_id = %(user_id)s
),

skill as (
    select
        skills.id,
        skills.skill_tree_id,
        skills.dependencies,
        skills.dependents,
        skills.xp_value,
        skills.difficulty,
        skills.skill_type,
        skills.is_active,
        skills.is_milestone,
        skills.is_optional,
        case
            when skills.assessments is not null
                then coalesce((skills.assessments ->> 'passingScore')::double precision, 70)
        end as passing_score,
        visible_trees.category_id
    from skills
    inner join visible_trees on visible_trees.id = skills.skill_tree_id
    where skills.id = %(skill_id)s
),

situation as (
    select
        learner.at,
        learner.clock::date as activity_date,
        learner.clock - (learner.at at time zone 'UTC') as clock_offset,
        learner.user_id,
        learner.total_xp,
        learner.current_level,
        learner.max_streak,
        learner.current_streak,
        learner.streak_started_at,
        -- A day before the latest one may join other days, so all days are read. More activity on the latest day
        -- changes nothing.
        case
            when learner.clock::date < learner.last_activity_on
                then (
                    select
                        late_day(
                            array_agg(user_activity_days.activity_date),
                            array_agg(user_activity_days.learnt_at),
                            array_agg(user_activity_days.is_counted),
                            learner.clock::date,
                            learner.at
                        )
                    from user_activity_days
                    where user_activity_days.user_id = %(user_id)s
                )
            when coalesce(learner.clock::date > learner.last_activity_on, true)
                then next_day(
                    learner.current_streak,
                    learner.streak_started_at,
                    learner.max_streak,
                    learner.last_activity_on,
                    learner.last_activity_at,
                    learner.last_activity_offset,
                    learner.at,
                    learner.clock
                )
        end as step,
        skill.id as skill_id,
        skill.skill_tree_id,
        skill.dependents,
        skill.xp_value,
        skill.is_milestone,
        skill.passing_score,
        -- A skill that was completed before a reset has already paid its XP. It counts as what it was then.
        paid.user_id is not null as has_paid,
        case when paid.user_id is null then skill.difficulty else paid.difficulty end as difficulty,
        case when paid.user_id is null then skill.skill_type else paid.skill_type end as skill_type,
        case when paid.user_id is null then skill.category_id else paid.category_id end as category_id,
        (
            not skill.is_optional or not exists (
                select from skills as required_skill
                where
                    required_skill.skill_tree_id = skill.skill_tree_id
                    and required_skill.is_active
                    and not required_skill.is_optional
            )
        )::integer as counts,
        user_skill_progress.status,
        coalesce(
            greatest(user_skill_progress.completion_score, %(score)s::double precision) < skill.passing_score,
            skill.passing_score is not null
        ) as passing_score_waived,
        user_skill_tree_progress.status as tree_status,
        coalesce(user_skill_tree_progress.skills_completed, 0) as skills_completed,
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
                    counted_skill.skill_tree_id = skill.skill_tree_id
                    and counted_skill.is_active
            )
        )::integer as total_skills,
        case
            when learner.user_id is null then 'USER_NOT_FOUND'
            when skill.id is null then 'SKILL_NOT_FOUND'
            when learner.moment_fault is not null then learner.moment_fault
            when %(score)s::double precision not between 0 and 100 then 'INVALID_SCORE'
            when user_skill_progress.status = 'COMPLETED' then 'REPEATED'
            when not skill.is_active then 'SKILL_INACTIVE'
            when
                -- A skill that the learner has begun stays open when it gets another dependency.
                coalesce(user_skill_progress.status <> 'IN_PROGRESS', true)
                and exists (
                    select from unsatisfied_skills
                    where
                        unsatisfied_skills.user_id = %(user_id)s
                        and unsatisfied_skills.skill_id = any(skill.dependencies)
                )
                then 'LOCKED'
            when
                %(method)s = 'ASSESSMENT'
                and coalesce(user_skill_progress.completion_score, %(score)s) is null then 'SCORE_MISSING'
            when
                -- The owner and the service may complete it by another method without the passing score.
                (%(method)s = 'ASSESSMENT' or current_user in ('app_user', 'app_engine'))
                and coalesce(
                    greatest(user_skill_progress.completion_score, %(score)s) < skill.passing_score,
                    skill.passing_score is not null
                ) then 'NOT_PASSED'
            else 'DONE'
        end as outcome
    from learner
    left join skill on true
    left join user_skill_progress
        on
            user_skill_progress.user_id = %(user_id)s
            and user_skill_progress.skill_id = skill.id
    left join user_skill_tree_progress
        on
            user_skill_tree_progress.user_id = %(user_id)s
            and user_skill_tree_progress.skill_tree_id = skill.skill_tree_id
    left join xp_events as paid
        on
            paid.user_id = %(user_id)s
            and paid.source_kind = 'SKILL'
            and paid.source_id = skill.id
),

accepted as (
    select
        situation.at,
        situation.user_id,
        situation.skill_id,
        situation.skill_tree_id,
        situation.dependents,
        situation.passing_score_waived,
        situation.has_paid,
        case when situation.has_paid then 0 else situation.xp_value end as gain,
        situation.difficulty,
        situation.skill_type,
        situation.category_id,
        situation.activity_date,
        coalesce(situation.status = 'SKIPPED', false) as was_satisfied,
        situation.tree_status,
        situation.total_skills,
        -- Never more than the total, even if the stored count is wrong.
        least(situation.skills_completed + situation.counts, situation.total_skills) as skills_completed,
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
            when situation.counts = 1 and situation.skills_completed + 1 = situation.total_skills then 'COMPLETED'
            -- Work in a paused tree resumes it.
            else 'IN_PROGRESS'
        end::tree_progress_status as new_tree_status,
        situation.total_xp,
        situation.clock_offset,
        coalesce((situation.step).is_counted, true) as day_is_counted,
        coalesce((situation.step).skipped, 0) as days_skipped,
        -- The days that this completion adds without counting them.
        array(
            select situation.activity_date - ago
            from generate_series(
                coalesce((situation.step).is_counted, true)::integer, coalesce((situation.step).skipped, 0)
            ) as ago
        ) as joining_days,
        coalesce((situation.step).started_at, situation.streak_started_at) as streak_started_at,
        coalesce((situation.step).streak, situation.current_streak) as streak,
        coalesce((situation.step).longest, situation.max_streak) as max_streak
    from situation
    where situation.outcome = 'DONE'
),

opened_skill as (
    select
        accepted.at,
        dependent.id,
        dependent.skill_tree_id,
        dependent.name,
        dependent.position_y,
        dependent.position_x,
        dependent.sort_order
    from accepted
    cross join unnest(accepted.dependents) as edge (dependent_id)
    inner join skills as dependent on dependent.id = edge.dependent_id
    left join user_skill_progress as known
        on
            known.user_id = %(user_id)s
            and known.skill_id = dependent.id
    where
        dependent.is_active
        and coalesce(known.status, 'LOCKED') in ('LOCKED', 'AVAILABLE')
        -- A skipped skill was satisfied before, so completing it opens nothing new.
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

-- Each achievement that this completion may have earned, and the value that the learner has reached: as in
-- progress/settle, with what this statement adds to the stored facts. Materialized, so that `value` is in the plan
-- once.
candidate as materialized (
    select
        achievements.id,
        achievements.threshold,
        achievements.criterion = 'xp_threshold' and not achievements.is_limited as is_climbed,
        case
            when achievements.is_limited
                then (
                    select
                        case achievements.criterion
                            when 'skill_completion_count' then count(*) + (not accepted.has_paid)::integer
                            when 'xp_threshold' then coalesce(sum(counted.xp), 0) + accepted.gain
                            else longest_streak(
                                array_agg(counted.granted_on)
                                || case when accepted.has_paid then '{}' else array[accepted.activity_date] end,
                                array(
                                    select user_activity_days.activity_date
                                    from user_activity_days
                                    where
                                        user_activity_days.user_id = %(user_id)s
                                        and (
                                            not user_activity_days.is_counted
                                            or user_activity_days.excuse is not null
                                        )
                                )
                                || accepted.joining_days
                            )
                        end
                    from xp_events as counted
                    where
                        counted.user_id = %(user_id)s
                        and counted.source_kind = 'SKILL'
                        and (
                            achievements.for_category_id is null
                            or counted.category_id = achievements.for_category_id
                        )
                        and (
                            achievements.for_tree_id is null
                            or counted.skill_tree_id = achievements.for_tree_id
                        )
                        and (
                            achievements.for_difficulty is null
                            or counted.difficulty::text = achievements.for_difficulty
                        )
                        and (
                            achievements.for_skill_type is null
                            or counted.skill_type::text = achievements.for_skill_type
                        )
                )
            when achievements.criterion = 'skill_completion_count'
                then (not accepted.has_paid)::integer + (
                    select count(*)
                    from xp_events
                    where
                        xp_events.user_id = %(user_id)s
                        and xp_events.source_kind = 'SKILL'
                )
            when achievements.criterion = 'xp_threshold' then accepted.total_xp + accepted.gain
            else accepted.max_streak
        end as value,
        -- An achievement pays once, even if its award has been withdrawn since.
        case
            when exists (
                select from xp_events
                where
                    xp_events.user_id = %(user_id)s
                    and xp_events.source_kind = 'ACHIEVEMENT'
                    and xp_events.source_id = achievements.id
            ) then 0
            else achievements.xp_reward
        end as reward
    from accepted
    -- Only a skill within the limits of an achievement counts toward it.
    inner join achievements
        on
            (achievements.for_category_id is null or achievements.for_category_id = accepted.category_id)
            and (achievements.for_tree_id is null or achievements.for_tree_id = accepted.skill_tree_id)
            and (achievements.for_difficulty is null or achievements.for_difficulty = accepted.difficulty::text)
            and (achievements.for_skill_type is null or achievements.for_skill_type = accepted.skill_type::text)
    where
        achievements.is_active
        and not exists (
            select from user_achievements
            where
                user_achievements.user_id = %(user_id)s
                and user_achievements.achievement_id = achievements.id
        )
),

-- As in progress/settle.
climbed as (
    select
        candidate.id,
        candidate.threshold,
        candidate.is_climbed,
        candidate.reward,
        candidate.value + case
            when candidate.is_climbed
                then coalesce(
                    sum(candidate.reward) over (
                        order by candidate.is_climbed, candidate.threshold, candidate.id
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            else 0
        end as value
    from candidate
    where
        candidate.is_climbed
        or candidate.value >= candidate.threshold
),

earned as (
    select
        step.id,
        step.value,
        step.reward
    from (
        select
            climbed.id,
            climbed.value,
            climbed.reward,
            bool_and(climbed.value >= climbed.threshold) over (
                order by climbed.is_climbed, climbed.threshold, climbed.id
            ) as is_earned
        from climbed
    ) as step
    where step.is_earned
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
        completed_at,
        passing_score_waived
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
        accepted.at as completed_at,
        accepted.passing_score_waived
    from accepted
    union all
    select
        %(user_id)s,
        opened_skill.id,
        opened_skill.skill_tree_id,
        'AVAILABLE',
        0,
        null,
        null,
        null,
        opened_skill.at,
        null,
        null,
        null,
        false
    from opened_skill
    on conflict (user_id, skill_id) do update
        set
            status = excluded.status,
            progress_percent = excluded.progress_percent,
            completion_method = excluded.completion_method,
            completion_score = greatest(user_skill_progress.completion_score, excluded.completion_score),
            evidence_data = excluded.evidence_data,
            unlocked_at = case
                -- An imported row may have a start and no unlocked_at.
                when excluded.status = 'AVAILABLE' then least(user_skill_progress.started_at, excluded.unlocked_at)
                else least(user_skill_progress.unlocked_at, user_skill_progress.started_at, excluded.unlocked_at)
            end,
            started_at = least(user_skill_progress.started_at, excluded.started_at),
            last_activity_at = greatest(user_skill_progress.last_activity_at, excluded.last_activity_at),
            completed_at = excluded.completed_at,
            passing_score_waived = excluded.passing_score_waived,
            updated_at = excluded.updated_at
    returning
        user_skill_progress.id,
        user_skill_progress.user_id,
        user_skill_progress.skill_id,
        user_skill_progress.skill_tree_id,
        user_skill_progress.status,
        user_skill_progress.progress_percent,
        user_skill_progress.time_spent_minutes,
        user_skill_progress.attempts_count,
        user_skill_progress.failed_attempts,
        user_skill_progress.completion_method,
        user_skill_progress.completion_score,
        user_skill_progress.evidence_data,
        user_skill_progress.unlocked_at,
        user_skill_progress.started_at,
        user_skill_progress.last_activity_at,
        user_skill_progress.completed_at,
        user_skill_progress.struggling_indicators,
        user_skill_progress.engagement_score,
        user_skill_progress.passing_score_waived,
        user_skill_progress.created_at,
        user_skill_progress.updated_at
),

begun_tree as (
    insert into begun_trees (skill_tree_id)
    select accepted.skill_tree_id
    from accepted
    where accepted.tree_status is null
    on conflict (skill_tree_id) do nothing
    returning begun_trees.skill_tree_id
),

written_tree as (
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
            started_at = least(user_skill_tree_progress.started_at, excluded.started_at),
            last_activity_at = greatest(user_skill_tree_progress.last_activity_at, excluded.last_activity_at),
            completed_at = coalesce(user_skill_tree_progress.completed_at, excluded.completed_at),
            updated_at = excluded.updated_at
    returning
        user_skill_tree_progress.id,
        user_skill_tree_progress.user_id,
        user_skill_tree_progress.skill_tree_id,
        user_skill_tree_progress.status,
        user_skill_tree_progress.progress_percent,
        user_skill_tree_progress.skills_completed,
        user_skill_tree_progress.total_skills,
        user_skill_tree_progress.time_spent_minutes,
        user_skill_tree_progress.started_at,
        user_skill_tree_progress.last_activity_at,
        user_skill_tree_progress.completed_at,
        user_skill_tree_progress.milestones_reached,
        user_skill_tree_progress.current_path,
        user_skill_tree_progress.created_at,
        user_skill_tree_progress.updated_at
),

day as (
    insert into user_activity_days (user_id, activity_date, learnt_at, is_counted)
    select
        accepted.user_id,
        accepted.activity_date - ago as activity_date,
        case when ago = 0 then accepted.at end as learnt_at,
        ago = 0 and accepted.day_is_counted as is_counted
    from accepted
    cross join generate_series(0, accepted.days_skipped) as ago
    on conflict (user_id, activity_date) do nothing
    returning user_activity_days.activity_date
),

paid_event as (
    insert into xp_events (
        user_id, source_kind, source_id, xp, granted_at, granted_on, skill_tree_id, category_id, difficulty, skill_type
    )
    select
        accepted.user_id,
        'SKILL' as source_kind,
        accepted.skill_id as source_id,
        accepted.gain as xp,
        accepted.at as granted_at,
        accepted.activity_date as granted_on,
        accepted.skill_tree_id,
        accepted.category_id,
        accepted.difficulty,
        accepted.skill_type
    from accepted
    where not accepted.has_paid
    union all
    select
        %(user_id)s,
        'ACHIEVEMENT',
        earned.id,
        earned.reward,
        accepted.at,
        accepted.activity_date,
        null,
        null,
        null,
        null
    from accepted
    cross join earned
    on conflict (user_id, source_kind, source_id) do nothing
    returning xp_events.source_id
),

award as (
    insert into user_achievements (user_id, achievement_id, earned_at, metadata)
    select
        %(user_id)s,
        earned.id as achievement_id,
        accepted.at as earned_at,
        -- The present criteria, because an author may change them later.
        jsonb_build_object('criteria', achievements.criteria, 'value', earned.value) as metadata
    from accepted
    cross join earned
    inner join achievements on achievements.id = earned.id
    returning user_achievements.achievement_id
),

gain as (
    select accepted.gain + coalesce((select sum(earned.reward) from earned), 0) as xp
    from accepted
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
        max_streak = accepted.max_streak,
        streak_started_at = accepted.streak_started_at,
        last_activity_on = greatest(user_profiles.last_activity_on, accepted.activity_date),
        last_activity_at = greatest(user_profiles.last_activity_at, accepted.at),
        last_activity_offset = case
            when accepted.at < user_profiles.last_activity_at then user_profiles.last_activity_offset
            else accepted.clock_offset
        end,
        updated_at = now()
    from accepted
    cross join gain
    where user_profiles.user_id = %(user_id)s
    returning
        user_profiles.total_xp,
        user_profiles.current_level as level,
        user_profiles.current_streak,
        user_profiles.max_streak
)

select
    situation.outcome,
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
    ) as unlocked,
    situation.passing_score,
    situation.total_xp as total_xp_before,
    situation.current_level as level_before,
    updated_profile.total_xp,
    updated_profile.level,
    updated_profile.current_streak,
    updated_profile.max_streak,
    (
        select to_json(written_skill)
        from written_skill
        where written_skill.skill_id = situation.skill_id
    ) as progress,
    (
        select to_json(written_tree)
        from written_tree
    ) as tree_progress,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'id', earned.id,
                        'name', achievements.name,
                        'category', achievements.category,
                        'rarity', achievements.rarity,
                        'badge_icon', achievements.badge_icon,
                        'badge_color', achievements.badge_color,
                        'xp', earned.reward,
                        'earned_at', situation.at
                    )
                    order by achievements.rarity, achievements.name, earned.id
                ),
                '[]'
            )
        from earned
        inner join achievements on achievements.id = earned.id
    ) as achievements
from situation
left join updated_profile on true;
