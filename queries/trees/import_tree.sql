-- Write a whole tree from a curriculum file, and report the changes. The tree has been locked before.
--
-- skills         a JSON array: each with its position in the file, and its id if it is new; keys identify the others
-- category_slug  the slug of the category if it is created
-- new_id         the id of the tree if it is new
-- prerequisites  slugs of trees; nothing is written if one of them is unknown
--
-- @role app_service
-- @nullable tree_id: nothing is written if prerequisites are unknown
-- @sample category: (select name from skill_categories where id = %(category_id)s)
-- @sample category_slug: 'a-new-slug'
-- @sample new_id: gen_random_uuid()
-- @sample prerequisites: '{}'::text[]
-- @sample skills: %(curriculum)s
-- @budget buffers 370
with given_skill as materialized (
    select
        given.place,
        given.new_id,
        given.key,
        given.name,
        given.short_name,
        given.description,
        given.learning_objectives,
        given.skill_type,
        given.difficulty,
        given.estimated_minutes,
        given.xp_value,
        given.position_x,
        given.position_y,
        given.is_placed,
        given.node_size,
        given.content,
        given.assessments,
        given.is_active,
        given.is_optional,
        given.is_milestone,
        given.resources,
        given.dependencies,
        given.parent
    from jsonb_to_recordset(%(skills)s::jsonb) as given (
        place integer,
        new_id uuid,
        key text,
        name text,
        short_name text,
        description text,
        learning_objectives text[],
        skill_type skill_type,
        difficulty difficulty_level,
        estimated_minutes integer,
        xp_value integer,
        position_x double precision,
        position_y double precision,
        is_placed boolean,
        node_size integer,
        content jsonb,
        assessments jsonb,
        is_active boolean,
        is_optional boolean,
        is_milestone boolean,
        resources jsonb,
        dependencies text[],
        parent text
    )
),

prerequisite as (
    select
        given.slug,
        given.place,
        skill_trees.id
    from unnest(%(prerequisites)s::text[]) with ordinality as given (slug, place)
    left join skill_trees on skill_trees.slug = given.slug
),

unknown_prerequisite as (
    select
        prerequisite.slug,
        prerequisite.place
    from prerequisite
    where prerequisite.id is null
),

known_category as (
    select skill_categories.id
    from skill_categories
    where
        %(category)s in (skill_categories.name, skill_categories.slug)
        or (
            skill_categories.slug = %(category_slug)s
            and translate(lower(skill_categories.name), ' -_', '') = translate(lower(%(category)s), ' -_', '')
        )
    order by
        skill_categories.name = %(category)s desc,
        skill_categories.slug = %(category)s desc
    limit 1
),

new_category as (
    insert into skill_categories (name, slug)
    select
        %(category)s as name,
        case
            when
                exists (
                    select from skill_categories
                    where skill_categories.slug = %(category_slug)s
                )
                -- For example C# and C++.
                then left(%(category_slug)s, 90) || '-' || left(md5(%(category)s), 8)
            else %(category_slug)s
        end as slug
    where
        not exists (select known_category.id from known_category)
        and not exists (select unknown_prerequisite.slug from unknown_prerequisite)
    returning skill_categories.id
),

category as (
    select known_category.id from known_category
    where not exists (select unknown_prerequisite.slug from unknown_prerequisite)
    union all
    select new_category.id from new_category
),

given_tree as (
    select
        category.id as category_id,
        %(name)s::text as name,
        %(description)s::text as description,
        %(short_description)s::text as short_description,
        %(difficulty)s::difficulty_level as difficulty,
        %(estimated_hours)s::double precision as estimated_hours,
        %(tags)s::text[] as tags,
        %(version)s::text as version,
        %(language)s::text as language,
        %(layout_config)s::jsonb as layout_config,
        %(theme_config)s::jsonb as theme_config,
        %(is_ai_generated)s::boolean as is_ai_generated,
        array(
            select prerequisite.id from prerequisite
            order by prerequisite.place
        ) as prerequisites
    from category
),

known_tree as (
    select skill_trees.id
    from skill_trees
    where
        skill_trees.slug = %(slug)s
        and exists (select given_tree.name from given_tree)
),

new_tree as (
    insert into skill_trees (
        id,
        slug,
        category_id,
        name,
        description,
        short_description,
        difficulty,
        estimated_hours,
        tags,
        version,
        language,
        layout_config,
        theme_config,
        is_ai_generated,
        prerequisites
    )
    select
        case
            -- A tree whose slug has changed since keeps its id.
            when %(new_id)s in (select skill_trees.id from skill_trees) then uuidv7()
            else %(new_id)s
        end as id,
        %(slug)s,
        given_tree.category_id,
        given_tree.name,
        given_tree.description,
        given_tree.short_description,
        given_tree.difficulty,
        given_tree.estimated_hours,
        given_tree.tags,
        given_tree.version,
        given_tree.language,
        given_tree.layout_config,
        given_tree.theme_config,
        given_tree.is_ai_generated,
        given_tree.prerequisites
    from given_tree
    where not exists (select known_tree.id from known_tree)
    returning skill_trees.id
),

changed_tree as (
    update skill_trees
    set
        category_id = given_tree.category_id,
        name = given_tree.name,
        description = given_tree.description,
        short_description = given_tree.short_description,
        difficulty = given_tree.difficulty,
        estimated_hours = given_tree.estimated_hours,
        tags = given_tree.tags,
        version = given_tree.version,
        language = given_tree.language,
        layout_config = given_tree.layout_config,
        theme_config = given_tree.theme_config,
        is_ai_generated = given_tree.is_ai_generated,
        prerequisites = given_tree.prerequisites,
        updated_at = now()
    from given_tree
    where
        skill_trees.slug = %(slug)s
        and row(
            skill_trees.category_id,
            skill_trees.name,
            skill_trees.description,
            skill_trees.short_description,
            skill_trees.difficulty,
            skill_trees.estimated_hours,
            skill_trees.tags,
            skill_trees.version,
            skill_trees.language,
            skill_trees.layout_config,
            skill_trees.theme_config,
            skill_trees.is_ai_generated,
            skill_trees.prerequisites
        ) is distinct from row(
            given_tree.category_id,
            given_tree.name,
            given_tree.description,
            given_tree.short_description,
            given_tree.difficulty,
            given_tree.estimated_hours,
            given_tree.tags,
            given_tree.version,
            given_tree.language,
            given_tree.layout_config,
            given_tree.theme_config,
            given_tree.is_ai_generated,
            given_tree.prerequisites
        )
    returning skill_trees.id
),

tree as (
    select known_tree.id from known_tree
    union all
    select new_tree.id from new_tree
),

known_skill as materialized (
    select
        skills.id,
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
        skills.position_x,
        skills.position_y,
        skills.is_placed,
        skills.node_size,
        skills.content,
        skills.assessments,
        skills.is_active,
        skills.is_optional,
        skills.is_milestone,
        skills.parent_skill_id,
        skills.dependencies,
        array(
            select dependent.id
            from unnest(skills.dependents) as dependent (id)
            order by dependent.id
        ) as dependents,
        coalesce(skills.resources, '[]') as resources,
        -- A skill that an author has linked again is in the graph again.
        not skills.is_active
        and skills.removed_at is not null
        and skills.dependencies = '{}'
        and skills.dependents = '{}' as is_removed
    from known_tree
    inner join skills on skills.skill_tree_id = known_tree.id
),

compared_order as (
    select
        row_number() over (
            order by known_skill.sort_order, known_skill.position_y, known_skill.position_x, known_skill.id
        ) as known_place,
        row_number() over (order by given_skill.place) as given_place
    from known_skill
    inner join given_skill on given_skill.key = known_skill.key
    where not known_skill.is_removed
),

file_order as (
    select
        exists(
            select compared_order.known_place
            from compared_order
            where compared_order.known_place <> compared_order.given_place
        ) as is_changed,
        (select count(*) from compared_order) < (select count(*) from given_skill) as has_new
),

skill_id as materialized (
    select
        given_skill.key,
        case
            when known_skill.id is not null then known_skill.id
            -- A skill whose key has changed since keeps its id.
            when given_skill.new_id in (select skills.id from skills) then uuidv7()
            else given_skill.new_id
        end as id
    from given_skill
    left join known_skill on known_skill.key = given_skill.key
),

edge as (
    select
        skill_id.id as skill_id,
        prerequisite_id.id as prerequisite_id,
        dependency.place
    from given_skill
    inner join skill_id on skill_id.key = given_skill.key
    cross join unnest(given_skill.dependencies) with ordinality as dependency (key, place)
    inner join skill_id as prerequisite_id on prerequisite_id.key = dependency.key
),

dependencies_of as (
    select
        edge.skill_id,
        array_agg(edge.prerequisite_id order by edge.place) as ids
    from edge
    group by edge.skill_id
),

dependents_of as (
    select
        edge.prerequisite_id,
        array_agg(edge.skill_id order by edge.skill_id) as ids
    from edge
    group by edge.prerequisite_id
),

final_skill as materialized (
    select
        skill_id.id,
        given_skill.place,
        given_skill.key,
        case
            when file_order.is_changed or file_order.has_new then given_skill.place
            else known_skill.sort_order
        end as sort_order,
        given_skill.name,
        given_skill.short_name,
        given_skill.description,
        given_skill.learning_objectives,
        given_skill.skill_type,
        given_skill.difficulty,
        given_skill.estimated_minutes,
        given_skill.xp_value,
        given_skill.position_x,
        given_skill.position_y,
        given_skill.is_placed,
        given_skill.node_size,
        given_skill.content,
        given_skill.assessments,
        given_skill.is_active,
        given_skill.is_optional,
        given_skill.is_milestone,
        parent_id.id as parent_skill_id,
        coalesce(dependencies_of.ids, '{}') as dependencies,
        coalesce(dependents_of.ids, '{}') as dependents,
        given_skill.resources,
        known_skill.id is null as is_new,
        coalesce(known_skill.is_removed, false) as is_back
    from given_skill
    inner join skill_id on skill_id.key = given_skill.key
    cross join file_order
    left join known_skill on known_skill.key = given_skill.key
    left join skill_id as parent_id on parent_id.key = given_skill.parent
    left join dependencies_of on dependencies_of.skill_id = skill_id.id
    left join dependents_of on dependents_of.prerequisite_id = skill_id.id
),

changed_key as materialized (
    select
        final_skill.key,
        final_skill.place
    from final_skill
    inner join known_skill on known_skill.key = final_skill.key
    where
        not final_skill.is_back
        and row(
            known_skill.name,
            known_skill.short_name,
            known_skill.description,
            known_skill.learning_objectives,
            known_skill.skill_type,
            known_skill.difficulty,
            known_skill.estimated_minutes,
            known_skill.xp_value,
            known_skill.position_x,
            known_skill.position_y,
            known_skill.is_placed,
            known_skill.node_size,
            known_skill.content,
            known_skill.assessments,
            known_skill.is_active,
            known_skill.is_optional,
            known_skill.is_milestone,
            known_skill.parent_skill_id,
            known_skill.dependencies,
            known_skill.resources
        ) is distinct from row(
            final_skill.name,
            final_skill.short_name,
            final_skill.description,
            final_skill.learning_objectives,
            final_skill.skill_type,
            final_skill.difficulty,
            final_skill.estimated_minutes,
            final_skill.xp_value,
            final_skill.position_x,
            final_skill.position_y,
            final_skill.is_placed,
            final_skill.node_size,
            final_skill.content,
            final_skill.assessments,
            final_skill.is_active,
            final_skill.is_optional,
            final_skill.is_milestone,
            final_skill.parent_skill_id,
            final_skill.dependencies,
            final_skill.resources
        )
),

new_skill as (
    insert into skills (
        id,
        skill_tree_id,
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
        position_x,
        position_y,
        is_placed,
        node_size,
        content,
        assessments,
        is_active,
        is_optional,
        is_milestone,
        parent_skill_id,
        dependencies,
        dependents,
        resources,
        language
    )
    select
        final_skill.id,
        tree.id as skill_tree_id,
        final_skill.key,
        final_skill.sort_order,
        final_skill.name,
        final_skill.short_name,
        final_skill.description,
        final_skill.learning_objectives,
        final_skill.skill_type,
        final_skill.difficulty,
        final_skill.estimated_minutes,
        final_skill.xp_value,
        final_skill.position_x,
        final_skill.position_y,
        final_skill.is_placed,
        final_skill.node_size,
        final_skill.content,
        final_skill.assessments,
        final_skill.is_active,
        final_skill.is_optional,
        final_skill.is_milestone,
        final_skill.parent_skill_id,
        final_skill.dependencies,
        final_skill.dependents,
        nullif(final_skill.resources, '[]') as resources,
        %(language)s
    from final_skill
    cross join tree
    where final_skill.is_new
    returning skills.id
),

changed_skill as (
    update skills
    set
        sort_order = final_skill.sort_order,
        name = final_skill.name,
        short_name = final_skill.short_name,
        description = final_skill.description,
        learning_objectives = final_skill.learning_objectives,
        skill_type = final_skill.skill_type,
        difficulty = final_skill.difficulty,
        estimated_minutes = final_skill.estimated_minutes,
        xp_value = final_skill.xp_value,
        position_x = final_skill.position_x,
        position_y = final_skill.position_y,
        is_placed = final_skill.is_placed,
        node_size = final_skill.node_size,
        content = final_skill.content,
        assessments = final_skill.assessments,
        is_active = final_skill.is_active,
        is_optional = final_skill.is_optional,
        is_milestone = final_skill.is_milestone,
        removed_at = null,
        parent_skill_id = final_skill.parent_skill_id,
        dependencies = final_skill.dependencies,
        dependents = final_skill.dependents,
        resources = nullif(final_skill.resources, '[]'),
        updated_at = now()
    from final_skill
    inner join known_skill on known_skill.key = final_skill.key
    where
        skills.id = final_skill.id
        and (
            final_skill.key in (select changed_key.key from changed_key)
            or final_skill.is_back
            or final_skill.sort_order <> known_skill.sort_order
            or final_skill.dependents <> known_skill.dependents
        )
    returning skills.id
),

removed_skill as (
    update skills
    set
        is_active = false,
        removed_at = now(),
        parent_skill_id = null,
        dependencies = '{}',
        dependents = '{}',
        updated_at = now()
    from known_skill
    where
        skills.id = known_skill.id
        and not known_skill.is_removed
        and known_skill.key not in (select given_skill.key from given_skill)
    returning skills.key
)

select
    (select tree.id from tree) as tree_id,
    exists(select new_tree.id from new_tree) as tree_added,
    exists(select changed_tree.id from changed_tree) as tree_changed,
    (select file_order.is_changed from file_order) as reordered,
    array(
        select final_skill.key
        from final_skill
        where final_skill.is_new or final_skill.is_back
        order by final_skill.place
    ) as added,
    array(
        select changed_key.key
        from changed_key
        order by changed_key.place
    ) as changed,
    array(
        select removed_skill.key
        from removed_skill
        order by removed_skill.key
    ) as removed,
    (
        select count(*)::integer
        from final_skill
        where
            not final_skill.is_new
            and final_skill.key not in (select changed_key.key from changed_key)
    ) as unchanged,
    array(
        select unknown_prerequisite.slug
        from unknown_prerequisite
        order by unknown_prerequisite.place
    ) as unknown_prerequisites;
