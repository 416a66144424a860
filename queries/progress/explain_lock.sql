-- Why a skill is locked for a learner, and the shortest way to open it: all skills that are still to be satisfied, in
-- the order in which to do them. Optional ones are skipped. No row for an unknown learner or skill.
--
-- Skills behind a satisfied skill or a skill in progress are not needed: work that has begun can go on.
--
-- @sample skill_id: %(last_skill_id)s
-- @notnull path.level: every node on the path has one
-- @budget buffers 48
-- @never Seq Scan on skills, user_profiles, user_skill_progress, xp_events
with target as (
    select
        skills.id,
        skills.skill_tree_id,
        skills.name,
        skills.dependencies,
        skills.is_active
    from user_profiles
    cross join skills
    inner join visible_trees on visible_trees.id = skills.skill_tree_id
    where
        user_profiles.user_id = %(user_id)s
        and skills.id = %(skill_id)s
),

tree_skill as (
    -- All skills before a skill are in its tree, which is read once.
    select
        skills.id,
        skills.name,
        skills.xp_value,
        skills.estimated_minutes,
        skills.is_optional,
        skills.is_active,
        skills.dependencies,
        skills.position_y,
        skills.position_x,
        skills.sort_order
    from target
    inner join skills on skills.skill_tree_id = target.skill_tree_id
),

work as (
    select
        skill_work.skill_id,
        skill_work.status,
        skill_work.is_satisfied,
        skill_work.time_spent_minutes
    from target
    inner join skill_work
        on
            skill_work.user_id = %(user_id)s
            and skill_work.skill_tree_id = target.skill_tree_id
    where skill_work.is_begun
),

-- Skills that hold nothing up: satisfied or inactive. `not in` makes a hashed subplan, whatever number of rows the
-- planner expects. The planner cannot know how much of a tree a learner has done.
settled as (
    select work.skill_id
    from work
    where work.is_satisfied
    union all
    select tree_skill.id as skill_id
    from tree_skill
    where not tree_skill.is_active
),

edge as (
    select
        tree_skill.id as skill_id,
        dependency.id as prerequisite_id
    from tree_skill
    cross join unnest(tree_skill.dependencies) as dependency (id)
    where dependency.id not in (select settled.skill_id from settled)
),

-- A skill in progress stays open, so no path continues through it. Its dependencies still come first if they are on
-- another path.
unsatisfied as (
    select
        node.id,
        node.level
    from target
    cross join
        way_to(
            target.id,
            (select array_agg(edge.skill_id) from edge),
            (select array_agg(edge.prerequisite_id) from edge),
            (
                select array_agg(work.skill_id) from work
                where work.status = 'IN_PROGRESS'
            )
        ) as node (id, level)
),

step as (
    select
        tree_skill.id,
        tree_skill.name,
        case
            when work.status is not null then work.status
            -- Its unsatisfied dependencies are on the path, too. If it has none, its level is 0.
            when unsatisfied.level = 0 then 'AVAILABLE'
            else 'LOCKED'
        end as status,
        tree_skill.is_optional,
        case when tree_skill.is_optional then 'SKIP' else 'COMPLETE' end as action,
        case
            when tree_skill.estimated_minutes is not null
                then greatest(tree_skill.estimated_minutes - coalesce(work.time_spent_minutes, 0), 0)
        end as remaining_minutes,
        case when xp_events.source_id is null and not tree_skill.is_optional then tree_skill.xp_value else 0 end as xp,
        unsatisfied.level,
        tree_skill.id = any(target.dependencies) as is_direct,
        row_number() over (
            order by
                unsatisfied.level,
                tree_skill.position_y,
                tree_skill.position_x,
                tree_skill.sort_order,
                tree_skill.id
        ) as place
    from target
    cross join unsatisfied
    inner join tree_skill on tree_skill.id = unsatisfied.id
    left join work on work.skill_id = tree_skill.id
    left join xp_events
        on
            xp_events.user_id = %(user_id)s
            and xp_events.source_kind = 'SKILL'
            and xp_events.source_id = tree_skill.id
    where tree_skill.id <> target.id
),

judged as (
    select
        target.id,
        target.name,
        target.is_active,
        case
            when work.status is not null then work.status
            -- An inactive skill is open to no learner.
            when target.is_active and not exists (select from step) then 'AVAILABLE'
            else 'LOCKED'
        end as status,
        -- A skipped skill that is no longer open can only be reset.
        case work.status
            when 'SKIPPED' then exists (select from step)
            when 'IN_PROGRESS' then false
            when 'COMPLETED' then false
            else not target.is_active or exists (select from step)
        end as is_locked
    from target
    left join work on work.skill_id = target.id
),

way as (
    select
        step.id,
        step.name,
        step.status,
        step.is_optional,
        step.action,
        step.remaining_minutes,
        step.xp,
        step.level,
        step.place
    from step
    cross join judged
    where
        judged.is_active
        and judged.is_locked
)

select
    judged.id as skill_id,
    judged.name,
    judged.is_active,
    judged.status,
    judged.is_locked,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'id', step.id, 'name', step.name, 'status', step.status, 'is_optional', step.is_optional
                    )
                    order by step.place
                ),
                '[]'
            )
        from step
        where step.is_direct
    ) as missing,
    (
        select
            coalesce(
                json_agg(
                    json_build_object(
                        'id', way.id,
                        'name', way.name,
                        'status', way.status,
                        'is_optional', way.is_optional,
                        'action', way.action,
                        'remaining_minutes', way.remaining_minutes,
                        'xp', way.xp,
                        'level', way.level
                    )
                    order by way.place
                ),
                '[]'
            )
        from way
    ) as path,
    (
        select coalesce(sum(way.remaining_minutes) filter (where way.action = 'COMPLETE'), 0)::bigint
        from way
    ) as remaining_minutes,
    (select coalesce(sum(way.xp), 0) from way) as xp
from judged;
