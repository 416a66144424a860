-- How one learner gets to a skill, in one of two forms. No row for an unknown learner or skill.
--
-- `lock` (progress.explain_lock) says why the skill is locked, and the shortest way to open it: every skill still to
-- satisfy, in the order in which to do it, those that are optional by skipping them.
--
-- `path` (progress.learning_path) is what is still to complete, the skill itself last, in an order in which it can be
-- learned: each after all that it needs. A skipped skill is still to complete if it is the one asked for.
--
-- What lies only behind a satisfied skill is left out, and so is what lies only behind work under way, which goes on.
--
-- to_open  whether to return `lock` instead of `path`
--
-- @step explain_lock and learning_path run it
-- @sample skill_id: %(last_skill_id)s
-- @sample to_open: true
-- @notnull lock.path.level: every node on the way has one
-- @notnull path.steps.level: every node on the way has one
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
    -- Whatever a skill needs is of its tree, which is read once.
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

-- What nobody waits for. Looked up with `not in`, which is a hash table whatever the planner expects to find: how much
-- of a tree a learner has done, it cannot know.
settled as (
    select work.skill_id
    from work
    where work.is_satisfied
    union all
    select tree_skill.id as skill_id
    from tree_skill
    where not tree_skill.is_active
),

edges as (
    select
        array_agg(tree_skill.id) as skill_ids,
        array_agg(dependency.id) as prerequisite_ids
    from tree_skill
    cross join unnest(tree_skill.dependencies) as dependency (id)
    where dependency.id not in (select settled.skill_id from settled)
),

-- Work under way goes on: no way leads through it, but what is in the way anyhow comes before it.
unsatisfied as (
    select
        node.id,
        node.level
    from target
    cross join edges
    cross join
        way_to(
            target.id,
            edges.skill_ids,
            edges.prerequisite_ids,
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
            -- An inactive skill is open to nobody. All that a skill needs is on the way too, unless it is satisfied.
            when tree_skill.is_active and unsatisfied.level = 0 then 'AVAILABLE'
            else 'LOCKED'
        end as status,
        tree_skill.is_optional,
        case
            when tree_skill.estimated_minutes is not null
                then greatest(tree_skill.estimated_minutes - coalesce(work.time_spent_minutes, 0), 0)
        end as remaining_minutes,
        case when xp_events.source_id is null then tree_skill.xp_value else 0 end as xp,
        unsatisfied.level,
        tree_skill.id = target.id as is_target,
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
),

way as (
    select exists(
        select from step
        where not step.is_target
    ) as has_steps
),

judged as (
    select
        target.id,
        target.name,
        target.is_active,
        case
            when work.status is not null then work.status
            when target.is_active and not way.has_steps then 'AVAILABLE'
            else 'LOCKED'
        end as status,
        -- A skipped skill that is no longer open can only be reset.
        case work.status
            when 'SKIPPED' then way.has_steps
            when 'IN_PROGRESS' then false
            when 'COMPLETED' then false
            else not target.is_active or way.has_steps
        end as is_locked
    from target
    cross join way
    left join work on work.skill_id = target.id
)

select
    case
        when %(to_open)s
            then (
                select
                    json_build_object(
                        'skill_id', judged.id,
                        'name', judged.name,
                        'is_active', judged.is_active,
                        'status', judged.status,
                        'is_locked', judged.is_locked,
                        'missing', coalesce(
                            json_agg(
                                json_build_object(
                                    'id', step.id,
                                    'name', step.name,
                                    'status', step.status,
                                    'is_optional', step.is_optional
                                )
                                order by step.place
                            ) filter (where step.is_direct),
                            '[]'
                        ),
                        'path', coalesce(
                            json_agg(
                                json_build_object(
                                    'id', step.id,
                                    'name', step.name,
                                    'status', step.status,
                                    'is_optional', step.is_optional,
                                    'action', case when step.is_optional then 'SKIP' else 'COMPLETE' end,
                                    'remaining_minutes', step.remaining_minutes,
                                    'xp', case when step.is_optional then 0 else step.xp end,
                                    'level', step.level
                                )
                                order by step.place
                            ) filter (where judged.is_active and judged.is_locked),
                            '[]'
                        ),
                        'remaining_minutes', coalesce(
                            sum(step.remaining_minutes) filter (
                                where judged.is_active and judged.is_locked and not step.is_optional
                            ),
                            0
                        ),
                        'xp', coalesce(
                            sum(step.xp) filter (
                                where judged.is_active and judged.is_locked and not step.is_optional
                            ),
                            0
                        )
                    )
                from step
                where not step.is_target
            )
    end as lock,
    case
        when not %(to_open)s
            then (
                select
                    json_build_object(
                        'skill_id', judged.id,
                        'name', judged.name,
                        'is_active', judged.is_active,
                        'steps', coalesce(
                            json_agg(
                                json_build_object(
                                    'id', step.id,
                                    'name', step.name,
                                    'status', step.status,
                                    'is_optional', step.is_optional,
                                    'remaining_minutes', step.remaining_minutes,
                                    'xp', step.xp,
                                    'level', step.level
                                )
                                order by step.place
                            ),
                            '[]'
                        ),
                        'remaining_minutes', coalesce(sum(step.remaining_minutes), 0),
                        'remaining_xp', coalesce(sum(step.xp), 0)
                    )
                from step
                where judged.status <> 'COMPLETED'
            )
    end as path
from judged;
