-- A new skill. The same statement adds it to the dependents of its dependencies.
--
-- key  the name of the skill in a curriculum file; generated if null
--
-- @role app_service
-- @sample assessments: null
-- @sample dependencies: %(first_skill_ids)s
-- @sample estimated_minutes: 30
-- @sample is_milestone: false
-- @sample is_optional: false
-- @sample learning_objectives: array['To know']
-- @sample node_size: 1
-- @sample parent_skill_id: null
-- @sample position_x: 0
-- @sample position_y: 0
-- @sample resources: null
-- @sample short_name: null
-- @sample skill_type: 'KNOWLEDGE'
-- @sample xp_value: 10
-- @budget buffers 620
with new_id as materialized (
    select coalesce(%(id)s::uuid, uuidv7()) as id
),

-- In the order of their ids, like every edit of the graph, so that concurrent edits wait for each other without a
-- deadlock.
locked_dependency as (
    select skills.id
    from skills
    where skills.id = any(%(dependencies)s::uuid[])
    order by skills.id
    for no key update
),

updated_dependency as (
    update skills
    set
        dependents = array_append(skills.dependents, (select new_id.id from new_id)),
        updated_at = now()
    from locked_dependency
    where skills.id = locked_dependency.id
    returning skills.id
)

insert into skills (
    id,
    skill_tree_id,
    parent_skill_id,
    key,
    sort_order,
    name,
    short_name,
    description,
    learning_objectives,
    skill_type,
    difficulty,
    estimated_minutes,
    xp_value,
    dependencies,
    position_x,
    position_y,
    is_placed,
    node_size,
    content,
    resources,
    assessments,
    is_optional,
    is_milestone,
    language
)
select
    new_id.id,
    %(tree_id)s,
    %(parent_skill_id)s,
    coalesce(%(key)s, new_id.id::text),
    %(sort_order)s,
    %(name)s,
    %(short_name)s,
    %(description)s,
    %(learning_objectives)s,
    %(skill_type)s,
    %(difficulty)s,
    %(estimated_minutes)s,
    %(xp_value)s,
    %(dependencies)s,
    coalesce(%(position_x)s::double precision, 0),
    coalesce(%(position_y)s::double precision, 0),
    %(position_x)s::double precision is not null,
    %(node_size)s,
    %(content)s,
    %(resources)s,
    %(assessments)s,
    %(is_optional)s,
    %(is_milestone)s,
    coalesce(
        (
            select skill_trees.language
            from skill_trees
            where skill_trees.id = %(tree_id)s
        ),
        'en'
    )
from new_id
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
