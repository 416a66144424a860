-- The skills that a learner can work on now, best first, each with reasons. They are from one tree, whatever its
-- status, or from all trees IN_PROGRESS. No rows for an unknown learner.
--
-- tree_id  null means all trees IN_PROGRESS
-- limit    the maximum number of skills
--
-- @sample tree_id: null
-- @sample limit: 10
-- @budget buffers 250
-- @never Seq Scan on user_profiles, user_skill_progress, user_skill_tree_progress, xp_events
with recursive learner as (
    select
        user_profiles.user_id,
        case
            when jsonb_typeof(user_profiles.preferences -> 'dailyGoalMinutes') = 'number'
                -- A goal of 0 minutes counts as no goal.
                then nullif((user_profiles.preferences ->> 'dailyGoalMinutes')::numeric, 0)
        end as daily_goal_minutes
    from user_profiles
    where user_profiles.user_id = %(user_id)s
),

tree as (
    select user_skill_tree_progress.skill_tree_id as id
    from user_skill_tree_progress
    where
        user_skill_tree_progress.user_id = %(user_id)s
        and user_skill_tree_progress.status = 'IN_PROGRESS'
        and (select %(tree_id)s::uuid) is null
    union all
    select skill_trees.id
    from visible_trees as skill_trees
    where skill_trees.id = (select %(tree_id)s::uuid)
),

satisfied as materialized (
    select
        skill_work.skill_id,
        skill_work.status
    from tree
    inner join skill_work
        on
            skill_work.user_id = %(user_id)s
            and skill_work.skill_tree_id = tree.id
    where skill_work.is_satisfied
),

begun as materialized (
    select
        user_skill_progress.skill_id,
        user_skill_progress.time_spent_minutes
    from tree
    inner join user_skill_progress
        on
            user_skill_progress.user_id = %(user_id)s
            and user_skill_progress.skill_tree_id = tree.id
    where user_skill_progress.status = 'IN_PROGRESS'
),

skill as (
    select
        skills.id,
        skills.skill_tree_id,
        skills.name,
        skills.skill_type,
        skills.difficulty,
        skills.estimated_minutes,
        skills.xp_value,
        skills.dependencies,
        skills.position_x,
        skills.position_y,
        skills.sort_order,
        skills.is_active,
        skills.is_optional,
        skills.is_milestone
    from tree
    inner join skills on skills.skill_tree_id = tree.id
),

-- Materialized, because listing the labels of an enum reads a system catalog.
scale as materialized (
    select enum_range(null::difficulty_level) as difficulties
),

reached as (
    select
        skill.skill_tree_id,
        max(skill.difficulty) as difficulty
    from satisfied
    inner join skill on skill.id = satisfied.skill_id
    where satisfied.status = 'COMPLETED'
    group by skill.skill_tree_id
),

-- Skills that hold nothing up: satisfied or inactive. `not in` makes a hashed subplan, whatever number of rows the
-- planner expects. The planner cannot know how much of a tree a learner has done.
settled as (
    select satisfied.skill_id
    from satisfied
    union all
    select skill.id as skill_id
    from skill
    where not skill.is_active
),

unfinished as (
    select
        skill.id,
        skill.skill_tree_id,
        skill.name,
        skill.skill_type,
        skill.difficulty,
        skill.xp_value,
        skill.dependencies,
        skill.position_x,
        skill.position_y,
        skill.sort_order,
        skill.is_optional,
        skill.is_milestone,
        case
            when skill.estimated_minutes is not null
                then greatest(skill.estimated_minutes - coalesce(begun.time_spent_minutes, 0), 0)
        end as remaining_minutes,
        begun.skill_id is not null as is_begun
    from skill
    left join begun on begun.skill_id = skill.id
    where skill.id not in (select settled.skill_id from settled)
),

edge as (
    select
        unfinished.id as skill_id,
        unfinished.is_begun,
        dependency.id as prerequisite_id,
        count(*) over (partition by unfinished.id) as prerequisites
    from unfinished
    cross join unnest(unfinished.dependencies) as dependency (id)
    where dependency.id not in (select settled.skill_id from settled)
),

needed as (
    select
        edge.prerequisite_id as skill_id,
        count(*) as needed_by,
        count(*) filter (where edge.prerequisites = 1 and not edge.is_begun) as opens
    from edge
    group by edge.prerequisite_id
),

milestone as (
    select
        unfinished.id,
        unfinished.name,
        row_number() over (
            order by unfinished.position_y, unfinished.position_x, unfinished.sort_order, unfinished.id
        ) as place
    from unfinished
    where unfinished.is_milestone
),

-- The skills before the milestones, one row for each distance in edges: the skills at that distance, and the milestone
-- of each. Each skill is reached once, on a shortest path.
walk as (
    select
        0 as distance,
        array_agg(milestone.id) as skill_ids,
        array_agg(milestone.place) as places,
        array_agg(milestone.id) as seen_ids
    from milestone
    having count(*) > 0
    union all
    select
        stride.distance,
        stride.skill_ids,
        stride.places,
        stride.seen_ids
    from walk
    cross join
        lateral (
            with behind as (
                select
                    edge.prerequisite_id as skill_id,
                    min(front.place) as place
                from unnest(walk.skill_ids, walk.places) as front (skill_id, place)
                inner join edge on edge.skill_id = front.skill_id
                where edge.prerequisite_id <> all(walk.seen_ids)
                group by edge.prerequisite_id
            )

            select
                walk.distance + 1 as distance,
                array_agg(behind.skill_id) as skill_ids,
                array_agg(behind.place) as places,
                walk.seen_ids || array_agg(behind.skill_id) as seen_ids
            from behind
        ) as stride
    where stride.skill_ids is not null
),

ahead as (
    select
        node.skill_id,
        walk.distance,
        milestone.id as milestone_id,
        milestone.name as milestone_name
    from walk
    cross join unnest(walk.skill_ids, walk.places) as node (skill_id, place)
    inner join milestone on milestone.place = node.place
),

open_skill as (
    select
        unfinished.id,
        unfinished.skill_tree_id,
        unfinished.name,
        unfinished.is_begun,
        unfinished.skill_type,
        unfinished.difficulty,
        unfinished.is_optional,
        unfinished.remaining_minutes,
        unfinished.position_y,
        unfinished.position_x,
        unfinished.sort_order,
        case when xp_events.source_id is null then unfinished.xp_value else 0 end as xp,
        coalesce(needed.opens, 0) as opens,
        coalesce(needed.needed_by, 0) as needed_by,
        ahead.milestone_id,
        ahead.milestone_name,
        ahead.distance as milestone_distance,
        greatest(
            array_position(scale.difficulties, unfinished.difficulty)
            - array_position(scale.difficulties, coalesce(reached.difficulty, 'BEGINNER')),
            0
        ) as difficulty_gap,
        learner.daily_goal_minutes,
        unfinished.remaining_minutes <= learner.daily_goal_minutes as fits_daily_goal
    from learner
    cross join scale
    cross join unfinished
    left join needed on needed.skill_id = unfinished.id
    left join ahead on ahead.skill_id = unfinished.id
    left join reached on reached.skill_tree_id = unfinished.skill_tree_id
    left join xp_events
        on
            xp_events.user_id = %(user_id)s
            and xp_events.source_kind = 'SKILL'
            and xp_events.source_id = unfinished.id
    where
        unfinished.is_begun
        or not exists (
            select from edge
            where edge.skill_id = unfinished.id
        )
),

scored as (
    select
        open_skill.id,
        round(
            10 * open_skill.opens
            + 2 * open_skill.needed_by
            + coalesce(20.0 / (1 + open_skill.milestone_distance), 0)
            + case when open_skill.fits_daily_goal then 5 else 0 end
            - 5 * open_skill.difficulty_gap,
            2
        )::double precision as score
    from open_skill
)

select
    open_skill.id,
    open_skill.skill_tree_id,
    open_skill.name,
    case
        when open_skill.is_begun then 'IN_PROGRESS'::skill_progress_status
        else 'AVAILABLE'
    end as status,
    open_skill.skill_type,
    open_skill.difficulty,
    open_skill.is_optional,
    open_skill.remaining_minutes,
    open_skill.xp,
    open_skill.opens,
    open_skill.needed_by,
    open_skill.milestone_id,
    open_skill.milestone_name,
    open_skill.milestone_distance,
    open_skill.difficulty_gap,
    open_skill.fits_daily_goal,
    scored.score,
    array_remove(
        array[
            case when open_skill.is_begun then 'in progress' end,
            case
                when open_skill.opens = 1 then 'opens 1 skill'
                when open_skill.opens > 1 then 'opens ' || open_skill.opens || ' skills'
            end,
            case
                when open_skill.needed_by > open_skill.opens
                    then
                        open_skill.needed_by - open_skill.opens
                        || case when open_skill.opens > 0 then ' more' else '' end
                        || case
                            when open_skill.needed_by - open_skill.opens = 1 then ' skill needs it'
                            else ' skills need it'
                        end
            end,
            case
                when open_skill.milestone_distance = 0 then 'is a milestone'
                when open_skill.milestone_distance = 1 then '1 step to the milestone ' || open_skill.milestone_name
                else open_skill.milestone_distance || ' steps to the milestone ' || open_skill.milestone_name
            end,
            case
                when open_skill.difficulty_gap = 0 then 'fits your level'
                when open_skill.difficulty_gap = 1 then '1 level above yours'
                else open_skill.difficulty_gap || ' levels above yours'
            end,
            case
                when open_skill.fits_daily_goal then 'fits'
                when not open_skill.fits_daily_goal then 'takes longer than'
            end || ' your daily goal of ' || open_skill.daily_goal_minutes || ' minutes',
            case when open_skill.is_optional then 'optional' end
        ],
        null
    ) as reasons
from open_skill
inner join scored on scored.id = open_skill.id
order by
    open_skill.is_begun desc,
    scored.score desc,
    open_skill.is_optional,
    open_skill.position_y,
    open_skill.position_x,
    open_skill.sort_order,
    open_skill.id
limit %(limit)s;
