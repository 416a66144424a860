-- Figures about each active skill of a tree for the learners who started it, top to bottom, left to right, as one JSON
-- array.
--
-- No learner's id restricts this query. It counts all learners, and only counts leave the database. A figure about
-- fewer than min_group learners is null. So are figures from which it would follow: both parts of a whole if one of
-- them is that small, and every part of a hidden whole. 0 identifies nobody and is shown. A hidden figure must also
-- stay uncertain, so shown values may depend on it only in steps that leave several numbers possible.
--
-- idle_days  after how many days without work in the tree a learner counts as stopped
--
-- @role app_service
-- @across figures about groups of learners
-- @budget buffers 2400
-- @never Seq Scan on user_skill_progress
with active_skill as (
    select
        skills.id,
        skills.key,
        skills.name,
        skills.position_y,
        skills.position_x,
        skills.sort_order
    from skills
    where
        skills.skill_tree_id = %(tree_id)s
        and skills.is_active
),

counted as (
    select
        user_skill_progress.skill_id,
        count(*) filter (
            where
            user_skill_progress.status in ('IN_PROGRESS', 'COMPLETED')
            or user_skill_progress.started_at is not null
        ) as started,
        count(*) filter (where user_skill_progress.status = 'COMPLETED') as completed,
        count(*) filter (where user_skill_progress.attempts_count > 0) as tried,
        sum(user_skill_progress.failed_attempts)::double precision
        / nullif(sum(user_skill_progress.attempts_count), 0) as failure_rate
    from user_skill_progress
    where user_skill_progress.skill_tree_id = %(tree_id)s
    group by user_skill_progress.skill_id
),

-- Counted by value first, so that no sort holds a row for each learner.
completed_value as (
    select
        user_skill_progress.skill_id,
        measured.measure,
        measured.value,
        count(*) as learners
    from user_skill_progress
    cross join
        lateral (
            values
            ('minutes', user_skill_progress.time_spent_minutes),
            ('attempts', user_skill_progress.attempts_count)
        ) as measured (measure, value)
    where
        user_skill_progress.skill_tree_id = %(tree_id)s
        and user_skill_progress.status = 'COMPLETED'
    group by user_skill_progress.skill_id, measured.measure, measured.value
),

placed_value as (
    select
        completed_value.skill_id,
        completed_value.measure,
        completed_value.value,
        completed_value.learners,
        sum(completed_value.learners) over (
            partition by completed_value.skill_id, completed_value.measure
            order by completed_value.value
        ) as learners_up_to_it,
        sum(completed_value.learners) over (
            partition by completed_value.skill_id, completed_value.measure
        ) as all_learners
    from completed_value
),

median as (
    select
        placed_value.skill_id,
        avg(placed_value.value) filter (where placed_value.measure = 'minutes') as minutes,
        avg(placed_value.value) filter (where placed_value.measure = 'attempts') as attempts
    from placed_value
    where
        placed_value.learners_up_to_it * 2 >= placed_value.all_learners
        and (placed_value.learners_up_to_it - placed_value.learners) * 2 <= placed_value.all_learners
    group by placed_value.skill_id
),

-- The unfinished skill that each learner worked on last.
unfinished_skill as (
    select distinct on (user_skill_progress.user_id)
        user_skill_progress.user_id,
        user_skill_progress.skill_id,
        user_skill_progress.last_activity_at
    from user_skill_progress
    where
        user_skill_progress.skill_tree_id = %(tree_id)s
        and user_skill_progress.status = 'IN_PROGRESS'
        -- Written so that the planner does not use the index on all activity, which is larger than any tree's.
        and user_skill_progress.last_activity_at + make_interval(days => %(idle_days)s) < now()
    order by
        user_skill_progress.user_id,
        user_skill_progress.last_activity_at desc,
        user_skill_progress.skill_id
),

last_work as (
    select
        user_skill_progress.user_id,
        max(user_skill_progress.last_activity_at) as last_activity_at
    from user_skill_progress
    where user_skill_progress.skill_tree_id = %(tree_id)s
    group by user_skill_progress.user_id
),

stopped as (
    select
        unfinished_skill.skill_id,
        count(*) as learners
    from unfinished_skill
    inner join last_work
        on
            last_work.user_id = unfinished_skill.user_id
            and last_work.last_activity_at = unfinished_skill.last_activity_at
    group by unfinished_skill.skill_id
),

figure as (
    select
        active_skill.id,
        coalesce(counted.started, 0) as started,
        coalesce(counted.completed, 0) as completed,
        coalesce(counted.tried, 0) as tried,
        coalesce(stopped.learners, 0) as stopped,
        median.minutes as median_minutes,
        median.attempts as median_attempts,
        counted.failure_rate
    from active_skill
    left join counted on counted.skill_id = active_skill.id
    left join median on median.skill_id = active_skill.id
    left join stopped on stopped.skill_id = active_skill.id
),

-- The figures that may be shown. Learners who started a skill have completed it or not. Some of those who have not have
-- stopped.
begun as (
    select
        figure.id,
        figure.started not between 1 and %(min_group)s - 1 as has_started,
        figure.started not between 1 and %(min_group)s - 1
        and figure.completed not between 1 and %(min_group)s - 1
        and figure.started - figure.completed not between 1 and %(min_group)s - 1 as has_completed
    from figure
),

judged as (
    select
        begun.id,
        begun.has_started,
        begun.has_completed,
        begun.has_completed
        and figure.stopped not between 1 and %(min_group)s - 1
        and figure.started - figure.completed - figure.stopped
        not between 1 and %(min_group)s - 1 as has_stopped,
        -- If the number of completions is hidden, the presence of medians shows that it is not small. That must not
        -- leave only one possible number, and half a minute would reveal that the number is even.
        begun.has_completed
        or (
            figure.completed >= %(min_group)s
            and figure.started >= 2 * %(min_group)s
        ) as has_medians,
        begun.has_started
        and figure.tried not between 1 and %(min_group)s - 1 as has_failures
    from begun
    inner join figure on figure.id = begun.id
)

select
    (
        select
            coalesce(
                json_agg(
                    skill_statistics
                    order by active_skill.position_y, active_skill.position_x, active_skill.sort_order, active_skill.id
                ),
                '[]'
            )
        from active_skill
        inner join figure on figure.id = active_skill.id
        inner join judged on judged.id = active_skill.id
        cross join lateral (
            select
                active_skill.id,
                active_skill.key,
                active_skill.name,
                case when judged.has_started then figure.started end as started,
                case when judged.has_completed then figure.completed end as completed,
                case
                    when judged.has_completed
                        then figure.completed::double precision / nullif(figure.started, 0)
                end as completion_rate,
                case
                    when judged.has_completed then figure.median_minutes
                    when judged.has_medians then floor(figure.median_minutes)
                end as median_minutes,
                case
                    when judged.has_completed then figure.median_attempts
                    when judged.has_medians then floor(figure.median_attempts)
                end as median_attempts,
                case when judged.has_failures then figure.failure_rate end as failure_rate,
                case when judged.has_stopped then figure.stopped end as stopped,
                case
                    when judged.has_stopped
                        then figure.stopped::double precision / nullif(figure.started, 0)
                end as stopped_share,
                not(
                    judged.has_started
                    and judged.has_completed
                    and judged.has_stopped
                    and judged.has_medians
                    and judged.has_failures
                ) as is_suppressed
        ) as skill_statistics
    ) as skills
from skill_trees
where skill_trees.id = %(tree_id)s;
