-- The catalogue: categories contain trees, and trees contain skills.

create table skill_categories (
    id uuid not null default uuidv7(),
    constraint skill_categories_pkey primary key (id),

    name text not null,
    constraint unique_category_name unique (name),
    constraint skill_categories_name_length check (char_length(name) between 1 and 100),

    -- The name in a web address. Its unique index is also used to find the category.
    slug text not null,
    constraint idx_category_slug unique (slug),
    constraint skill_categories_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    constraint skill_categories_slug_length check (char_length(slug) <= 100),

    description text,
    constraint skill_categories_description_length check (char_length(description) <= 100000),

    color text,
    constraint skill_categories_color_form check (color ~ '^#[0-9A-Fa-f]{6}$'),

    icon text,
    constraint skill_categories_icon_length check (char_length(icon) <= 100),

    sort_order integer not null default 0,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index idx_category_sort on skill_categories (sort_order);

create trigger skill_categories_set_updated_at
before update on skill_categories
for each row
when (
    new.updated_at = old.updated_at
    or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
)
execute function set_updated_at();

create table skill_trees (
    id uuid not null default uuidv7(),
    constraint skill_trees_pkey primary key (id),

    category_id uuid not null,
    constraint skill_trees_category_id_fkey foreign key (category_id) references skill_categories (id),

    name text not null,
    constraint skill_trees_name_length check (char_length(name) between 1 and 200),

    slug text not null,
    constraint idx_tree_slug unique (slug),
    constraint skill_trees_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    constraint skill_trees_slug_length check (char_length(slug) <= 200),

    description text,
    constraint skill_trees_description_length check (char_length(description) <= 100000),

    short_description text,
    constraint skill_trees_short_description_length check (char_length(short_description) <= 300),

    difficulty difficulty_level not null default 'BEGINNER',

    estimated_hours double precision,
    constraint skill_trees_estimated_hours_range check (estimated_hours >= 0 and estimated_hours < 'infinity'),

    -- The trees to complete before this one. verify_tree_prerequisites checks them at commit.
    prerequisites uuid[] not null default '{}',
    constraint skill_trees_prerequisites_distinct check (is_id_set(prerequisites)),
    constraint skill_trees_prerequisites_count check (cardinality(prerequisites) <= 10000),

    tags text[] not null default '{}',
    constraint skill_trees_tags_form check (is_text_list(tags, 100, 100)),

    version text not null default '1.0.0',
    constraint skill_trees_version_length check (char_length(version) between 1 and 50),

    -- The language in which the tree is written and searched: a code such as 'pt-BR'.
    language text not null default 'en',
    constraint skill_trees_language_form
    check (language ~ '^[a-z]{2,20}(-[A-Za-z0-9]{1,8})*$' and char_length(language) <= 35),
    -- For the foreign key of skills.language.
    constraint unique_tree_id_language unique (id, language),

    layout_config jsonb not null default '{}',
    constraint skill_trees_layout_config_form check (jsonb_typeof(layout_config) = 'object'),
    constraint skill_trees_layout_config_size check (pg_column_size(layout_config) <= 100000),
    constraint skill_trees_layout_config_depth check (
        pg_column_size(layout_config) < 800 or not jsonb_path_exists(layout_config, '$.**{100}')
    ),

    theme_config jsonb not null default '{}',
    constraint skill_trees_theme_config_form check (jsonb_typeof(theme_config) = 'object'),
    constraint skill_trees_theme_config_size check (pg_column_size(theme_config) <= 100000),
    constraint skill_trees_theme_config_depth check (
        pg_column_size(theme_config) < 800 or not jsonb_path_exists(theme_config, '$.**{100}')
    ),

    -- A tree that is not published is a draft: only authors and learners who are already in it see it (visible_trees).
    is_published boolean not null default false,
    is_featured boolean not null default false,
    is_ai_generated boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,

    -- The document for full-text search. It is a stored generated column, so it is never out of date.
    search_document tsvector not null generated always as (search_document_of(language, name, description)) stored
);

create index idx_tree_category_published on skill_trees (category_id, is_published);

create index idx_tree_difficulty on skill_trees (difficulty, is_published);

-- The catalogue is listed in this order.
create index idx_tree_name on skill_trees (name, id);

-- To find the existing languages. Each is searched separately.
create index idx_tree_language on skill_trees (language);

-- GIN indexes of the catalogue have no pending list (`fastupdate`). Authors write seldom and can wait, while learners
-- read all the time.
create index idx_tree_tags on skill_trees using gin (tags) with (fastupdate = off);

create index idx_tree_prerequisites on skill_trees using gin (prerequisites) with (fastupdate = off);

create index idx_tree_fulltext on skill_trees using gin (search_document) with (fastupdate = off);

create trigger skill_trees_set_authorship
before insert or update on skill_trees
for each row execute function set_authorship();

create table skills (
    id uuid not null default uuidv7(),
    constraint skills_pkey primary key (id),

    skill_tree_id uuid not null,
    constraint skills_skill_tree_id_fkey foreign key (skill_tree_id) references skill_trees (id) on delete cascade,
    -- For the foreign keys of parent_skill_id and user_skill_progress, which also check the skill's tree.
    constraint unique_skill_id_tree unique (id, skill_tree_id),

    -- The skill above this one in the hierarchy of the tree. verify_skill_graph checks that parents form no cycle.
    parent_skill_id uuid,
    constraint skills_parent_skill_id_fkey foreign key (parent_skill_id, skill_tree_id)
    references skills (id, skill_tree_id) on delete set null (parent_skill_id),

    -- The name of the skill in a curriculum file.
    key text not null default uuidv7()::text,
    constraint unique_skill_key unique (skill_tree_id, key),
    constraint skills_key_length check (char_length(key) between 1 and 200),

    -- The place in the curriculum file. It orders skills with the same position.
    sort_order integer not null default 0,

    name text not null,
    constraint skills_name_length check (char_length(name) between 1 and 200),

    short_name text,
    constraint skills_short_name_length check (char_length(short_name) <= 50),

    description text,
    constraint skills_description_length check (char_length(description) <= 100000),

    learning_objectives text[] not null default '{}',
    constraint skills_learning_objectives_form check (is_text_list(learning_objectives, 200, 2000)),

    skill_type skill_type not null default 'KNOWLEDGE',
    difficulty difficulty_level not null default 'BEGINNER',

    estimated_minutes integer,
    constraint skills_estimated_minutes_range check (estimated_minutes >= 0),

    -- The XP for completing the skill, paid once.
    xp_value integer not null default 10,
    constraint skills_xp_value_range check (xp_value between 0 and 1000000),

    -- The skills to satisfy before this one, and the skills that depend on this one: the two ends of the graph's edges.
    -- Both are stored, so that each direction needs one index scan. verify_skill_graph checks them at commit.
    dependencies uuid[] not null default '{}',
    constraint skills_dependencies_distinct check (is_id_set(dependencies)),
    constraint skills_dependencies_count check (cardinality(dependencies) <= 10000),

    dependents uuid[] not null default '{}',
    constraint skills_dependents_distinct check (is_id_set(dependents)),
    constraint skills_dependents_count check (cardinality(dependents) <= 10000),

    -- The last edit of this skill's edges: time, transaction, number of the change. The trigger function
    -- stamp_skill_graph_change sets it.
    graph_change bigint[] not null default '{}',

    position_x double precision not null default 0,
    constraint skills_position_x_range check (position_x > '-infinity' and position_x < 'infinity'),

    position_y double precision not null default 0,
    constraint skills_position_y_range check (position_y > '-infinity' and position_y < 'infinity'),

    -- Whether an author has placed the skill. A skill without a place also has the position (0, 0).
    is_placed boolean not null default false,

    node_size integer not null default 1,
    constraint skills_node_size_range check (node_size between 1 and 3),

    content jsonb,
    constraint skills_content_form check (jsonb_typeof(content) = 'object'),
    constraint skills_content_size check (pg_column_size(content) <= 1000000),
    constraint skills_content_depth check (
        pg_column_size(content) < 800 or not jsonb_path_exists(content, '$.**{100}')
    ),

    resources jsonb,
    constraint skills_resources_form check (jsonb_typeof(resources) = 'array'),
    constraint skills_resources_size check (pg_column_size(resources) <= 1000000),
    constraint skills_resources_depth check (
        pg_column_size(resources) < 800 or not jsonb_path_exists(resources, '$.**{100}')
    ),

    assessments jsonb,
    constraint skills_assessments_form check (jsonb_typeof(assessments) = 'object'),
    constraint skills_assessments_size check (pg_column_size(assessments) <= 1000000),
    constraint skills_assessments_depth check (
        pg_column_size(assessments) < 800 or not jsonb_path_exists(assessments, '$.**{100}')
    ),

    -- An inactive skill neither counts nor holds up other skills.
    is_active boolean not null default true,
    -- When an import of the tree no longer contained the skill. Null again once the skill is activated.
    removed_at timestamptz,
    is_optional boolean not null default false,
    is_milestone boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,

    -- Copied from the tree, because a generated column can only read its own row. The foreign key keeps it correct.
    language text not null default 'en',
    constraint skills_language_fkey foreign key (skill_tree_id, language)
    references skill_trees (id, language) on update cascade on delete cascade,

    search_document tsvector not null generated always as (search_document_of(language, name, description)) stored
);

create index idx_skill_tree_active on skills (skill_tree_id, is_active);

create index idx_skill_parent on skills (parent_skill_id);

create index idx_skill_dependencies on skills using gin (dependencies) with (fastupdate = off);

create index idx_skill_dependents on skills using gin (dependents) with (fastupdate = off);

create index idx_skill_graph_change on skills (skill_tree_id, graph_change);

create index idx_skill_type_difficulty on skills (skill_type, difficulty);

create index idx_skill_position on skills (position_x, position_y);

create index idx_skill_milestones on skills (is_milestone, is_active);

-- All columns that counting the skills of a tree needs (tree_standings).
create index idx_skill_counted on skills (skill_tree_id, id) include (is_active, is_optional, is_milestone);

create index idx_skill_fulltext on skills using gin (search_document) with (fastupdate = off);

create trigger skills_set_authorship
before insert or update on skills
for each row execute function set_authorship();
