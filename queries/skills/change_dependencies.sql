-- Change the dependencies of a skill, and the other side of each edge: skills.add_dependency, remove_dependency and
-- set_dependencies. Adding an existing dependency changes nothing, and neither does removing one that does not exist.
--
-- Each row is changed from its own latest values, so that no concurrent edit is lost.
--
-- change            ADD or REMOVE one dependency, or SET all of them; for SET, the skill has been locked before
-- prerequisite_ids  the dependencies to add, to remove or to set; one that is added must exist
--
-- @role app_service
-- @step add_dependency, remove_dependency and set_dependencies run it
-- @sample change: 'SET'
-- @sample skill_id: %(last_skill_id)s
-- @sample prerequisite_ids: %(first_skill_ids)s
-- @budget buffers 1200
with affected_skill as (
    select skills.id
    from skills
    where
        skills.id = %(skill_id)s
        or skills.id = any(%(prerequisite_ids)s::uuid[])
        or (%(change)s = 'SET' and skills.dependents @> array[%(skill_id)s::uuid])
    order by skills.id
    for no key update
),

changed_skill as (
    select unnest(known.ids) as id
    from (
        select array_agg(affected_skill.id) as ids
        from affected_skill
    ) as known
    where
        %(change)s <> 'ADD'
        or %(prerequisite_ids)s::uuid[] <@ known.ids
),

updated_prerequisite as (
    update skills
    set
        dependents = case
            when %(change)s = 'REMOVE' or skills.id <> all(%(prerequisite_ids)s::uuid[])
                then array_remove(skills.dependents, %(skill_id)s)
            when %(skill_id)s = any(skills.dependents) then skills.dependents
            else array_append(skills.dependents, %(skill_id)s)
        end,
        updated_at = now()
    from changed_skill
    where
        skills.id = changed_skill.id
        and skills.id <> %(skill_id)s
        and %(skill_id)s in (select target.id from changed_skill as target)
    returning skills.id
)

update skills
set
    dependencies = case
        when %(change)s = 'SET' then %(prerequisite_ids)s::uuid[]
        when %(change)s = 'REMOVE' then array_remove(skills.dependencies, (%(prerequisite_ids)s::uuid[])[1])
        when skills.dependencies @> %(prerequisite_ids)s::uuid[] then skills.dependencies
        else skills.dependencies || %(prerequisite_ids)s::uuid[]
    end,
    updated_at = now()
from changed_skill
where
    skills.id = changed_skill.id
    and skills.id = %(skill_id)s
returning
    skills.id,
    skills.skill_tree_id,
    skills.parent_skill_id,
    skills.key,
    skills.sort_order,
    skills.name,
    skills.short_name,
    skills.description,
    skills.learning_objectives,
    skills.skill_type,
    skills.difficulty,
    skills.estimated_minutes,
    skills.xp_value,
    skills.dependencies,
    skills.dependents,
    skills.position_x,
    skills.position_y,
    skills.is_placed,
    skills.node_size,
    skills.content,
    skills.resources,
    skills.assessments,
    skills.is_active,
    skills.is_optional,
    skills.is_milestone,
    skills.created_at,
    skills.updated_at,
    skills.created_by,
    skills.updated_by;
