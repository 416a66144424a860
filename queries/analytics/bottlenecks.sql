-- The skills of a tree that delay learners most, worst first, as one JSON array.
--
-- The score of a skill is
--     (0.5 × stopped_share + 0.3 × failure_rate + 0.2 × overtime) × (1 + share of the other active skills behind it),
-- from 0 to 2. Overtime is how far the median exceeds the estimate, at most 1: twice the estimate or more. Unknown and
-- hidden figures count as 0. Skills with a score of 0 delay nobody and are not listed.
--
-- No learner's id restricts this query. It counts all learners, and only counts leave the database. It shows the same
-- figures as analytics/skills, and the score uses only these.
--
-- idle_days  after how many days without work in the tree a learner counts as stopped
--
-- @role app_service
-- @across figures about groups of learners
-- @sample limit: 10
-- @budget buffers 2400
-- @never Seq Scan on user_skill_progress
with active_skill as (
    select
        skills.id,
        skills.key,
        skills.name,
        skills.estimated_minutes,
        skills.dependents,
        skills.position_y,
        skills.position_x,
        skills.sort_order
    from skills
    where
        skills.skill_tree_id = %(tree_id)s
        and skills.is_active
),

edge as (
    select
        active_skill.id as skill_id,
        dependent_skill.id as dependent_id
    from active_skill
    cross join unnest(active_skill.dependents) as dependent (id)
    inner join active_skill as dependent_skill on dependent_skill.id = dependent.id
),

-- Each pair once, however many paths lead from one skill to the other.
behind as (
    select
        found.skill_id,
        found.dependent_id
    from (
        with recursive path as (
            select
                edge.skill_id,
                edge.dependent_id
            from edge
            union
            select
                path.skill_id,
                edge.dependent_id
            from path
            inner join edge on edge.skill_id = path.dependent_id
        )

        select
            path.skill_id,
            path.dependent_id
        from path
    ) as found
),

tree_size as (
    select count(*) as skills
    from active_skill
),

skills_behind as (
    select
        behind.skill_id,
        count(*)::integer as skills
    from behind
    group by behind.skill_id
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
completed_minutes as (
    select
        user_skill_progress.skill_id,
        user_skill_progress.time_spent_minutes as minutes,
        count(*) as learners
    from user_skill_progress
    where
        user_skill_progress.skill_tree_id = %(tree_id)s
        and user_skill_progress.status = 'COMPLETED'
    group by user_skill_progress.skill_id, user_skill_progress.time_spent_minutes
),

placed_minutes as (
    select
        completed_minutes.skill_id,
        completed_minutes.minutes,
        completed_minutes.learners,
        sum(completed_minutes.learners) over (
            partition by completed_minutes.skill_id
            order by completed_minutes.minutes
        ) as learners_up_to_it,
        sum(completed_minutes.learners) over (partition by completed_minutes.skill_id) as all_learners
    from completed_minutes
),

median as (
    select
        placed_minutes.skill_id,
        avg(placed_minutes.minutes)::double precision as minutes
    from placed_minutes
    where
        placed_minutes.learners_up_to_it * 2 >= placed_minutes.all_learners
        and (placed_minutes.learners_up_to_it - placed_minutes.learners) * 2 <= placed_minutes.all_learners
    group by placed_minutes.skill_id
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
        counted.skill_id,
        counted.started,
        counted.completed,
        counted.tried,
        median.minutes as median_minutes,
        counted.failure_rate,
        coalesce(stopped.learners, 0) as stopped
    from counted
    left join median on median.skill_id = counted.skill_id
    left join stopped on stopped.skill_id = counted.skill_id
    where counted.started >= %(min_group)s
),

-- The same rules as in analytics/skills.
judged as (
    select
        figure.skill_id,
        figure.completed not between 1 and %(min_group)s - 1
        and figure.started - figure.completed not between 1 and %(min_group)s - 1 as has_completed,
        figure.stopped not between 1 and %(min_group)s - 1
        and figure.started - figure.completed - figure.stopped
        not between 1 and %(min_group)s - 1 as stops_in_groups,
        figure.completed >= %(min_group)s
        and figure.started >= 2 * %(min_group)s as is_completed_by_many,
        figure.tried not between 1 and %(min_group)s - 1 as has_failures
    from figure
),

told as (
    select
        figure.skill_id,
        figure.started,
        case when judged.has_completed and judged.stops_in_groups then figure.stopped end as stopped,
        case when judged.has_failures then figure.failure_rate end as failure_rate,
        case
            when judged.has_completed then figure.median_minutes
            when judged.is_completed_by_many then floor(figure.median_minutes)
        end as median_minutes,
        not(judged.has_completed and judged.stops_in_groups and judged.has_failures) as is_suppressed
    from figure
    inner join judged on judged.skill_id = figure.skill_id
),

bottleneck as (
    select
        active_skill.id,
        active_skill.key,
        active_skill.name,
        told.started,
        told.stopped,
        told.stopped::double precision / told.started as stopped_share,
        told.failure_rate,
        told.median_minutes,
        active_skill.estimated_minutes,
        case
            when told.median_minutes is not null and active_skill.estimated_minutes > 0
                then least(greatest(told.median_minutes / active_skill.estimated_minutes - 1, 0), 1)
        end as overtime,
        coalesce(skills_behind.skills, 0) as skills_behind,
        coalesce(skills_behind.skills, 0)::double precision
        / greatest(tree_size.skills - 1, 1) as share_behind,
        told.is_suppressed,
        active_skill.position_y,
        active_skill.position_x,
        active_skill.sort_order
    from told
    cross join tree_size
    inner join active_skill on active_skill.id = told.skill_id
    left join skills_behind on skills_behind.skill_id = active_skill.id
),

scored as (
    select
        bottleneck.id,
        (
            0.5 * coalesce(bottleneck.stopped_share, 0)
            + 0.3 * coalesce(bottleneck.failure_rate, 0)
            + 0.2 * coalesce(bottleneck.overtime, 0)
        ) * (1 + bottleneck.share_behind) as score
    from bottleneck
),

ranked as (
    select
        scored.id,
        scored.score,
        row_number() over (
            order by
                scored.score desc,
                bottleneck.position_y,
                bottleneck.position_x,
                bottleneck.sort_order,
                bottleneck.id
        ) as place
    from scored
    inner join bottleneck on bottleneck.id = scored.id
    where scored.score > 0
)

select
    (
        select coalesce(json_agg(told_bottleneck order by ranked.place), '[]')
        from ranked
        inner join bottleneck on bottleneck.id = ranked.id
        cross join
            lateral (
                select
                    bottleneck.id,
                    bottleneck.key,
                    bottleneck.name,
                    bottleneck.started,
                    bottleneck.stopped,
                    bottleneck.stopped_share,
                    bottleneck.failure_rate,
                    bottleneck.median_minutes,
                    bottleneck.estimated_minutes,
                    bottleneck.overtime,
                    bottleneck.skills_behind,
                    ranked.score,
                    bottleneck.is_suppressed
            ) as told_bottleneck
        where ranked.place <= %(limit)s
    ) as bottlenecks
from skill_trees
where skill_trees.id = %(tree_id)s;
