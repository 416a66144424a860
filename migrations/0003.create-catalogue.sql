-- What there is to learn: categories hold trees, trees hold skills.

create table skill_categories (
    id uuid not null default uuidv7(),
    name text not null,
    slug text not null,
    description text,
    color text,
    icon text,
    sort_order integer not null default 0,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint skill_categories_pkey primary key (id),
    constraint unique_category_name unique (name),
    constraint idx_category_slug unique (slug),
    constraint skill_categories_name_length check (char_length(name) between 1 and 100),
    constraint skill_categories_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    constraint skill_categories_slug_length check (char_length(slug) <= 100),
    constraint skill_categories_description_length check (char_length(description) <= 100000),
    constraint skill_categories_color_form check (color ~ '^#[0-9A-Fa-f]{6}$'),
    constraint skill_categories_icon_length check (char_length(icon) <= 100)
);

create index idx_category_sort on skill_categories (sort_order);

create trigger skill_categories_set_updated_at
before update on skill_categories
for each row execute function set_updated_at();

create table skill_trees (
    id uuid not null default uuidv7(),
    category_id uuid not null,
    name text not null,
    slug text not null,
    description text,
    short_description text,
    difficulty difficulty_level not null default 'BEGINNER',
    estimated_hours double precision,
    prerequisites uuid[] not null default '{}',
    tags text[] not null default '{}',
    version text not null default '1.0.0',
    layout_config jsonb not null default '{}',
    theme_config jsonb not null default '{}',
    is_published boolean not null default false,
    is_featured boolean not null default false,
    is_ai_generated boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint skill_trees_pkey primary key (id),
    constraint idx_tree_slug unique (slug),
    constraint skill_trees_category_id_fkey foreign key (category_id) references skill_categories (id),
    constraint skill_trees_name_length check (char_length(name) between 1 and 200),
    constraint skill_trees_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    constraint skill_trees_slug_length check (char_length(slug) <= 200),
    constraint skill_trees_description_length check (char_length(description) <= 100000),
    constraint skill_trees_short_description_length check (char_length(short_description) <= 300),
    constraint skill_trees_estimated_hours_range check (estimated_hours >= 0 and estimated_hours < 'infinity'),
    constraint skill_trees_prerequisites_distinct check (is_id_set(prerequisites)),
    constraint skill_trees_tags_form check (is_text_list(tags, 100, 100)),
    constraint skill_trees_version_length check (char_length(version) between 1 and 50),
    constraint skill_trees_layout_config_form check (jsonb_typeof(layout_config) = 'object'),
    constraint skill_trees_theme_config_form check (jsonb_typeof(theme_config) = 'object')
);

create index idx_tree_category_published on skill_trees (category_id, is_published);

create index idx_tree_difficulty on skill_trees (difficulty, is_published);

-- Pages of the catalogue are read in this order.
create index idx_tree_name on skill_trees (name, id);

-- No pending list (`fastupdate`) on the catalogue: authors write seldom and can wait, learners read always.
create index idx_tree_tags on skill_trees using gin (tags) with (fastupdate = off);

create index idx_tree_prerequisites on skill_trees using gin (prerequisites) with (fastupdate = off);

create trigger skill_trees_set_updated_at
before update on skill_trees
for each row execute function set_updated_at();

create table skills (
    id uuid not null default uuidv7(),
    skill_tree_id uuid not null,
    parent_skill_id uuid,
    -- What a curriculum file calls the skill; the place in that file orders skills that stand at the same position.
    key text not null default uuidv7()::text,
    sort_order integer not null default 0,
    name text not null,
    short_name text,
    description text,
    learning_objectives text[] not null default '{}',
    skill_type skill_type not null default 'KNOWLEDGE',
    difficulty difficulty_level not null default 'BEGINNER',
    estimated_minutes integer,
    xp_value integer not null default 10,
    dependencies uuid[] not null default '{}',
    dependents uuid[] not null default '{}',
    position_x double precision not null default 0,
    position_y double precision not null default 0,
    -- Tells a skill that its author put at the origin from one that nobody has placed yet.
    is_placed boolean not null default false,
    node_size integer not null default 1,
    content jsonb,
    resources jsonb,
    assessments jsonb,
    is_active boolean not null default true,
    -- When an import of the tree no longer had the skill, unless it has been activated since.
    removed_at timestamptz,
    is_optional boolean not null default false,
    is_milestone boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint skills_pkey primary key (id),
    -- What user_skill_progress.skill_tree_id and parent_skill_id are held to.
    constraint unique_skill_id_tree unique (id, skill_tree_id),
    constraint unique_skill_key unique (skill_tree_id, key),
    constraint skills_skill_tree_id_fkey foreign key (skill_tree_id) references skill_trees (id) on delete cascade,
    constraint skills_parent_skill_id_fkey foreign key (parent_skill_id, skill_tree_id)
    references skills (id, skill_tree_id) on delete set null (parent_skill_id),
    constraint skills_key_length check (char_length(key) between 1 and 200),
    constraint skills_name_length check (char_length(name) between 1 and 200),
    constraint skills_short_name_length check (char_length(short_name) <= 50),
    constraint skills_description_length check (char_length(description) <= 100000),
    constraint skills_learning_objectives_form check (is_text_list(learning_objectives, 200, 2000)),
    constraint skills_estimated_minutes_range check (estimated_minutes >= 0),
    constraint skills_xp_value_range check (xp_value between 0 and 1000000),
    constraint skills_dependencies_distinct check (is_id_set(dependencies)),
    constraint skills_dependents_distinct check (is_id_set(dependents)),
    constraint skills_position_x_range check (position_x > '-infinity' and position_x < 'infinity'),
    constraint skills_position_y_range check (position_y > '-infinity' and position_y < 'infinity'),
    constraint skills_node_size_range check (node_size between 1 and 3),
    constraint skills_content_form check (jsonb_typeof(content) = 'object'),
    constraint skills_resources_form check (jsonb_typeof(resources) = 'array'),
    constraint skills_assessments_form check (jsonb_typeof(assessments) = 'object')
);

create index idx_skill_tree_active on skills (skill_tree_id, is_active);

create index idx_skill_parent on skills (parent_skill_id);

create index idx_skill_dependencies on skills using gin (dependencies) with (fastupdate = off);

create index idx_skill_dependents on skills using gin (dependents) with (fastupdate = off);

create index idx_skill_type_difficulty on skills (skill_type, difficulty);

create index idx_skill_position on skills (position_x, position_y);

create index idx_skill_milestones on skills (is_milestone, is_active);

create trigger skills_set_updated_at
before update on skills
for each row execute function set_updated_at();
