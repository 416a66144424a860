-- The whole schema after all migrations: types, tables, views, then functions, each in the order in which the
-- migrations create them. The reasons are in migrations/. `skilltree format` generates this file on PostgreSQL 18, with
-- the definitions as that server shows them. It is only for readers: `skilltree migrate` creates a database.
--
-- Partitions of audit_log and the privileges of the owner are not shown.

-- default acl in schema public on tables: app_service SELECT
-- default acl on functions: owner EXECUTE
-- default acl on types: owner USAGE
-- schema public: app_user USAGE, owner CREATE, owner USAGE

create type difficulty_level as enum ('BEGINNER', 'INTERMEDIATE', 'ADVANCED', 'EXPERT');

grant usage on type difficulty_level to app_user;

create type skill_type as enum ('KNOWLEDGE', 'PRACTICAL', 'PROJECT', 'ASSESSMENT', 'MILESTONE');

grant usage on type skill_type to app_user;

create type tree_progress_status as enum ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED', 'PAUSED');

grant usage on type tree_progress_status to app_user;

create type skill_progress_status as enum ('LOCKED', 'AVAILABLE', 'IN_PROGRESS', 'COMPLETED', 'SKIPPED');

grant usage on type skill_progress_status to app_user;

create type completion_method as enum ('MANUAL', 'ASSESSMENT', 'PROJECT', 'TIME_BASED', 'EXTERNAL');

grant usage on type completion_method to app_user;

create type achievement_category as enum ('PROGRESS', 'STREAK', 'EXPLORATION', 'MASTERY', 'SOCIAL', 'TIME');

grant usage on type achievement_category to app_user;

create type achievement_rarity as enum ('COMMON', 'UNCOMMON', 'RARE', 'LEGENDARY');

grant usage on type achievement_rarity to app_user;

create type leaderboard as enum ('ALL_TIME', 'WEEK', 'MONTH');

grant usage on type leaderboard to app_user;

create type streak_step as (
    streak integer,
    started_at timestamp with time zone,
    longest integer,
    is_counted boolean,
    skipped integer
);

grant usage on type streak_step to app_engine;

create type audit_action as enum ('INSERT', 'UPDATE', 'DELETE', 'ANONYMISE');

grant usage on type audit_action to app_service;

-- bigint start 1 increment 1 from 1 to 9223372036854775807 cache 1
create sequence skill_graph_changes;

grant usage on sequence skill_graph_changes to app_service;

create table users (
    id uuid not null default uuidv7(),
    email text not null,
    username text not null,
    password_hash text not null,
    first_name text,
    last_name text,
    avatar_url text,
    is_active boolean not null default true,
    email_verified boolean not null default false,
    last_login_at timestamp with time zone,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    created_by uuid,
    updated_by uuid,
    constraint users_avatar_url_form CHECK ((avatar_url ~ '^(https?://|/)[^\u0001-\u0020\u007F-\u009F]+$'::text)),
    constraint users_avatar_url_length CHECK ((char_length(avatar_url) <= 2048)),
    constraint users_email_form CHECK ((email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'::text)),
    constraint users_email_length CHECK (((char_length(email) >= 3) AND (char_length(email) <= 254))),
    constraint users_first_name_length CHECK ((char_length(first_name) <= 100)),
    constraint users_last_name_length CHECK ((char_length(last_name) <= 100)),
    constraint users_password_hash_form CHECK ((password_hash ~ '^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$'::text)),
    constraint users_pkey PRIMARY KEY (id),
    constraint users_username_form CHECK ((username !~ '^ | $|  '::text)),
    constraint users_username_length CHECK (((char_length(username) >= 1) AND (char_length(username) <= 50)))
);

CREATE INDEX idx_user_activity ON users USING btree (is_active, last_login_at);

CREATE UNIQUE INDEX idx_user_email ON users USING btree (fold_name(email));

CREATE UNIQUE INDEX idx_user_username ON users USING btree (fold_name(username));

CREATE TRIGGER users_audit_delete AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION audit_delete_of_users();

CREATE TRIGGER users_audit_insert AFTER INSERT ON users REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_of_users();

CREATE TRIGGER users_audit_update AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION audit_update_of_users();

CREATE TRIGGER users_compose_names BEFORE INSERT OR UPDATE OF email, username, first_name, last_name ON users FOR EACH ROW EXECUTE FUNCTION compose_names();

CREATE TRIGGER users_refuse_truncate BEFORE TRUNCATE ON users FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('users');

CREATE TRIGGER users_set_authorship BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION set_authorship();

alter table users enable row level security, force row level security;

create policy users_own on users for all to app_user
    using ((id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy users_service on users for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table users to app_service;

grant select (avatar_url, created_at, created_by, email, email_verified, first_name, id, is_active, last_login_at, last_name, updated_at, updated_by, username) on users to app_user;

grant update (avatar_url, first_name, last_name, updated_at, username) on users to app_user;

create table user_profiles (
    user_id uuid not null,
    bio text,
    location text,
    website text,
    timezone text default 'UTC'::text,
    day_starts_at integer not null default 0,
    learning_goals text[] not null default '{}'::text[],
    interests text[] not null default '{}'::text[],
    preferences jsonb not null default '{}'::jsonb,
    is_on_leaderboard boolean not null default true,
    total_xp bigint not null default 0,
    current_level integer not null default 1,
    current_streak integer not null default 0,
    max_streak integer not null default 0,
    streak_started_at timestamp with time zone,
    last_activity_at timestamp with time zone,
    last_activity_on date,
    last_activity_offset interval,
    skills_completed integer not null default 0,
    hours_learned double precision not null default 0,
    trees_started integer not null default 0,
    trees_completed integer not null default 0,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    constraint user_profiles_bio_length CHECK ((char_length(bio) <= 10000)),
    constraint user_profiles_current_level_range CHECK (((current_level >= 1) AND (current_level <= 100))),
    constraint user_profiles_current_streak_range CHECK (((current_streak >= 0) AND (current_streak <= max_streak))),
    constraint user_profiles_day_starts_at_range CHECK (((day_starts_at >= 0) AND (day_starts_at <= 12))),
    constraint user_profiles_hours_learned_range CHECK (((hours_learned >= (0)::double precision) AND (hours_learned < 'Infinity'::double precision))),
    constraint user_profiles_interests_form CHECK (is_text_list(interests, 100, 100)),
    constraint user_profiles_learning_goals_form CHECK (is_text_list(learning_goals, 100, 500)),
    constraint user_profiles_location_length CHECK ((char_length(location) <= 200)),
    constraint user_profiles_pkey PRIMARY KEY (user_id),
    constraint user_profiles_preferences_depth CHECK (((pg_column_size(preferences) < 800) OR (NOT jsonb_path_exists(preferences, '$.**{100}'::jsonpath)))),
    constraint user_profiles_preferences_form CHECK ((jsonb_typeof(preferences) = 'object'::text)),
    constraint user_profiles_preferences_size CHECK ((pg_column_size(preferences) <= 100000)),
    constraint user_profiles_skills_completed_range CHECK ((skills_completed >= 0)),
    constraint user_profiles_timezone_length CHECK ((char_length(timezone) <= 100)),
    constraint user_profiles_total_xp_range CHECK ((total_xp >= 0)),
    constraint user_profiles_trees_completed_range CHECK ((trees_completed >= 0)),
    constraint user_profiles_trees_started_range CHECK ((trees_started >= 0)),
    constraint user_profiles_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    constraint user_profiles_website_length CHECK ((char_length(website) <= 2048))
);

CREATE INDEX idx_profile_activity ON user_profiles USING btree (last_activity_at);

CREATE INDEX idx_profile_level ON user_profiles USING btree (current_level);

CREATE INDEX idx_profile_xp ON user_profiles USING btree (total_xp);

CREATE TRIGGER user_profiles_audit_delete AFTER DELETE ON user_profiles FOR EACH ROW EXECUTE FUNCTION audit_delete_of_user_profiles();

CREATE TRIGGER user_profiles_audit_insert AFTER INSERT ON user_profiles REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_of_user_profiles();

CREATE TRIGGER user_profiles_audit_update AFTER UPDATE ON user_profiles FOR EACH ROW EXECUTE FUNCTION audit_update_of_user_profiles();

CREATE TRIGGER user_profiles_refuse_truncate BEFORE TRUNCATE ON user_profiles FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('user_profiles');

CREATE TRIGGER user_profiles_refuse_unknown_timezone BEFORE INSERT OR UPDATE OF timezone ON user_profiles FOR EACH ROW EXECUTE FUNCTION refuse_unknown_timezone();

CREATE TRIGGER user_profiles_set_updated_at BEFORE UPDATE ON user_profiles FOR EACH ROW WHEN (((new.updated_at = old.updated_at) OR ((new.updated_at < (now() - '00:01:00'::interval)) OR (new.updated_at > (now() + '00:01:00'::interval))))) EXECUTE FUNCTION set_updated_at();

alter table user_profiles enable row level security, force row level security;

create policy user_profiles_own on user_profiles for all to app_user
    using ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy user_profiles_service on user_profiles for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table user_profiles to app_service;

grant select on table user_profiles to app_user;

grant update (current_level, current_streak, hours_learned, is_on_leaderboard, last_activity_at, last_activity_offset, last_activity_on, max_streak, skills_completed, streak_started_at, total_xp, trees_completed, trees_started) on user_profiles to app_engine;

grant update (bio, day_starts_at, interests, learning_goals, location, preferences, timezone, updated_at, website) on user_profiles to app_user;

create table skill_categories (
    id uuid not null default uuidv7(),
    name text not null,
    slug text not null,
    description text,
    color text,
    icon text,
    sort_order integer not null default 0,
    is_active boolean not null default true,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    constraint idx_category_slug UNIQUE (slug),
    constraint skill_categories_color_form CHECK ((color ~ '^#[0-9A-Fa-f]{6}$'::text)),
    constraint skill_categories_description_length CHECK ((char_length(description) <= 100000)),
    constraint skill_categories_icon_length CHECK ((char_length(icon) <= 100)),
    constraint skill_categories_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
    constraint skill_categories_pkey PRIMARY KEY (id),
    constraint skill_categories_slug_form CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text)),
    constraint skill_categories_slug_length CHECK ((char_length(slug) <= 100)),
    constraint unique_category_name UNIQUE (name)
);

CREATE INDEX idx_category_sort ON skill_categories USING btree (sort_order);

CREATE TRIGGER skill_categories_audit_delete AFTER DELETE ON skill_categories FOR EACH ROW EXECUTE FUNCTION audit_delete_of_skill_categories();

CREATE TRIGGER skill_categories_audit_insert AFTER INSERT ON skill_categories REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_of_skill_categories();

CREATE TRIGGER skill_categories_audit_update AFTER UPDATE ON skill_categories FOR EACH ROW EXECUTE FUNCTION audit_update_of_skill_categories();

CREATE TRIGGER skill_categories_refuse_truncate BEFORE TRUNCATE ON skill_categories FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('skill_categories');

CREATE TRIGGER skill_categories_set_updated_at BEFORE UPDATE ON skill_categories FOR EACH ROW WHEN (((new.updated_at = old.updated_at) OR ((new.updated_at < (now() - '00:01:00'::interval)) OR (new.updated_at > (now() + '00:01:00'::interval))))) EXECUTE FUNCTION set_updated_at();

alter table skill_categories enable row level security, force row level security;

create policy skill_categories_read on skill_categories for select to app_user
    using (true);

create policy skill_categories_service on skill_categories for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table skill_categories to app_service;

grant select on table skill_categories to app_user;

create table skill_trees (
    id uuid not null default uuidv7(),
    category_id uuid not null,
    name text not null,
    slug text not null,
    description text,
    short_description text,
    difficulty difficulty_level not null default 'BEGINNER'::difficulty_level,
    estimated_hours double precision,
    prerequisites uuid[] not null default '{}'::uuid[],
    tags text[] not null default '{}'::text[],
    version text not null default '1.0.0'::text,
    language text not null default 'en'::text,
    layout_config jsonb not null default '{}'::jsonb,
    theme_config jsonb not null default '{}'::jsonb,
    is_published boolean not null default false,
    is_featured boolean not null default false,
    is_ai_generated boolean not null default false,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    created_by uuid,
    updated_by uuid,
    search_document tsvector not null generated always as (search_document_of(language, name, description)) stored,
    constraint idx_tree_slug UNIQUE (slug),
    constraint skill_trees_category_id_fkey FOREIGN KEY (category_id) REFERENCES skill_categories(id),
    constraint skill_trees_description_length CHECK ((char_length(description) <= 100000)),
    constraint skill_trees_estimated_hours_range CHECK (((estimated_hours >= (0)::double precision) AND (estimated_hours < 'Infinity'::double precision))),
    constraint skill_trees_language_form CHECK (((language ~ '^[a-z]{2,20}(-[A-Za-z0-9]{1,8})*$'::text) AND (char_length(language) <= 35))),
    constraint skill_trees_layout_config_depth CHECK (((pg_column_size(layout_config) < 800) OR (NOT jsonb_path_exists(layout_config, '$.**{100}'::jsonpath)))),
    constraint skill_trees_layout_config_form CHECK ((jsonb_typeof(layout_config) = 'object'::text)),
    constraint skill_trees_layout_config_size CHECK ((pg_column_size(layout_config) <= 100000)),
    constraint skill_trees_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    constraint skill_trees_pkey PRIMARY KEY (id),
    constraint skill_trees_prerequisites_are_valid TRIGGER DEFERRABLE INITIALLY DEFERRED,
    constraint skill_trees_prerequisites_count CHECK ((cardinality(prerequisites) <= 10000)),
    constraint skill_trees_prerequisites_distinct CHECK (is_id_set(prerequisites)),
    constraint skill_trees_short_description_length CHECK ((char_length(short_description) <= 300)),
    constraint skill_trees_slug_form CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text)),
    constraint skill_trees_slug_length CHECK ((char_length(slug) <= 200)),
    constraint skill_trees_tags_form CHECK (is_text_list(tags, 100, 100)),
    constraint skill_trees_theme_config_depth CHECK (((pg_column_size(theme_config) < 800) OR (NOT jsonb_path_exists(theme_config, '$.**{100}'::jsonpath)))),
    constraint skill_trees_theme_config_form CHECK ((jsonb_typeof(theme_config) = 'object'::text)),
    constraint skill_trees_theme_config_size CHECK ((pg_column_size(theme_config) <= 100000)),
    constraint skill_trees_version_length CHECK (((char_length(version) >= 1) AND (char_length(version) <= 50))),
    constraint unique_tree_id_language UNIQUE (id, language)
);

CREATE INDEX idx_tree_category_published ON skill_trees USING btree (category_id, is_published);

CREATE INDEX idx_tree_difficulty ON skill_trees USING btree (difficulty, is_published);

CREATE INDEX idx_tree_fulltext ON skill_trees USING gin (search_document) WITH (fastupdate=off);

CREATE INDEX idx_tree_language ON skill_trees USING btree (language);

CREATE INDEX idx_tree_name ON skill_trees USING btree (name, id);

CREATE INDEX idx_tree_prerequisites ON skill_trees USING gin (prerequisites) WITH (fastupdate=off);

CREATE INDEX idx_tree_tags ON skill_trees USING gin (tags) WITH (fastupdate=off);

CREATE TRIGGER skill_trees_audit_delete AFTER DELETE ON skill_trees FOR EACH ROW EXECUTE FUNCTION audit_delete_of_skill_trees();

CREATE TRIGGER skill_trees_audit_insert AFTER INSERT ON skill_trees REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_of_skill_trees();

CREATE TRIGGER skill_trees_audit_update AFTER UPDATE ON skill_trees FOR EACH ROW EXECUTE FUNCTION audit_update_of_skill_trees();

CREATE CONSTRAINT TRIGGER skill_trees_prerequisites_are_valid AFTER INSERT OR DELETE OR UPDATE ON skill_trees DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION verify_tree_prerequisites();

CREATE TRIGGER skill_trees_refuse_truncate BEFORE TRUNCATE ON skill_trees FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('skill_trees');

CREATE TRIGGER skill_trees_set_authorship BEFORE INSERT OR UPDATE ON skill_trees FOR EACH ROW EXECUTE FUNCTION set_authorship();

alter table skill_trees enable row level security, force row level security;

create policy skill_trees_read on skill_trees for select to app_user
    using (true);

create policy skill_trees_service on skill_trees for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table skill_trees to app_service;

grant select on table skill_trees to app_user;

create table skills (
    id uuid not null default uuidv7(),
    skill_tree_id uuid not null,
    parent_skill_id uuid,
    key text not null default (uuidv7())::text,
    sort_order integer not null default 0,
    name text not null,
    short_name text,
    description text,
    learning_objectives text[] not null default '{}'::text[],
    skill_type skill_type not null default 'KNOWLEDGE'::skill_type,
    difficulty difficulty_level not null default 'BEGINNER'::difficulty_level,
    estimated_minutes integer,
    xp_value integer not null default 10,
    dependencies uuid[] not null default '{}'::uuid[],
    dependents uuid[] not null default '{}'::uuid[],
    graph_change bigint[] not null default ARRAY[(0)::bigint, (0)::bigint, nextval('skill_graph_changes'::regclass)],
    position_x double precision not null default 0,
    position_y double precision not null default 0,
    is_placed boolean not null default false,
    node_size integer not null default 1,
    content jsonb,
    resources jsonb,
    assessments jsonb,
    is_active boolean not null default true,
    removed_at timestamp with time zone,
    is_optional boolean not null default false,
    is_milestone boolean not null default false,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    created_by uuid,
    updated_by uuid,
    language text not null default 'en'::text,
    search_document tsvector not null generated always as (search_document_of(language, name, description)) stored,
    constraint skills_assessments_depth CHECK (((pg_column_size(assessments) < 800) OR (NOT jsonb_path_exists(assessments, '$.**{100}'::jsonpath)))),
    constraint skills_assessments_form CHECK ((jsonb_typeof(assessments) = 'object'::text)),
    constraint skills_assessments_size CHECK ((pg_column_size(assessments) <= 1000000)),
    constraint skills_content_depth CHECK (((pg_column_size(content) < 800) OR (NOT jsonb_path_exists(content, '$.**{100}'::jsonpath)))),
    constraint skills_content_form CHECK ((jsonb_typeof(content) = 'object'::text)),
    constraint skills_content_size CHECK ((pg_column_size(content) <= 1000000)),
    constraint skills_dependencies_count CHECK ((cardinality(dependencies) <= 10000)),
    constraint skills_dependencies_distinct CHECK (is_id_set(dependencies)),
    constraint skills_dependents_count CHECK ((cardinality(dependents) <= 10000)),
    constraint skills_dependents_distinct CHECK (is_id_set(dependents)),
    constraint skills_description_length CHECK ((char_length(description) <= 100000)),
    constraint skills_estimated_minutes_range CHECK ((estimated_minutes >= 0)),
    constraint skills_graph_is_valid TRIGGER DEFERRABLE INITIALLY DEFERRED,
    constraint skills_key_length CHECK (((char_length(key) >= 1) AND (char_length(key) <= 200))),
    constraint skills_language_fkey FOREIGN KEY (skill_tree_id, language) REFERENCES skill_trees(id, language) ON UPDATE CASCADE ON DELETE CASCADE,
    constraint skills_learning_objectives_form CHECK (is_text_list(learning_objectives, 200, 2000)),
    constraint skills_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    constraint skills_node_size_range CHECK (((node_size >= 1) AND (node_size <= 3))),
    constraint skills_parent_skill_id_fkey FOREIGN KEY (parent_skill_id, skill_tree_id) REFERENCES skills(id, skill_tree_id) ON DELETE SET NULL (parent_skill_id),
    constraint skills_pkey PRIMARY KEY (id),
    constraint skills_position_x_range CHECK (((position_x > '-Infinity'::double precision) AND (position_x < 'Infinity'::double precision))),
    constraint skills_position_y_range CHECK (((position_y > '-Infinity'::double precision) AND (position_y < 'Infinity'::double precision))),
    constraint skills_resources_depth CHECK (((pg_column_size(resources) < 800) OR (NOT jsonb_path_exists(resources, '$.**{100}'::jsonpath)))),
    constraint skills_resources_form CHECK ((jsonb_typeof(resources) = 'array'::text)),
    constraint skills_resources_size CHECK ((pg_column_size(resources) <= 1000000)),
    constraint skills_short_name_length CHECK ((char_length(short_name) <= 50)),
    constraint skills_skill_tree_id_fkey FOREIGN KEY (skill_tree_id) REFERENCES skill_trees(id) ON DELETE CASCADE,
    constraint skills_xp_value_range CHECK (((xp_value >= 0) AND (xp_value <= 1000000))),
    constraint unique_skill_id_tree UNIQUE (id, skill_tree_id),
    constraint unique_skill_key UNIQUE (skill_tree_id, key)
);

CREATE INDEX idx_skill_counted ON skills USING btree (skill_tree_id, id) INCLUDE (is_active, is_optional, is_milestone);

CREATE INDEX idx_skill_dependencies ON skills USING gin (dependencies) WITH (fastupdate=off);

CREATE INDEX idx_skill_dependents ON skills USING gin (dependents) WITH (fastupdate=off);

CREATE INDEX idx_skill_fulltext ON skills USING gin (search_document) WITH (fastupdate=off);

CREATE INDEX idx_skill_graph_change ON skills USING btree (skill_tree_id, graph_change);

CREATE INDEX idx_skill_milestones ON skills USING btree (is_milestone, is_active);

CREATE INDEX idx_skill_parent ON skills USING btree (parent_skill_id);

CREATE INDEX idx_skill_position ON skills USING btree (position_x, position_y);

CREATE INDEX idx_skill_tree_active ON skills USING btree (skill_tree_id, is_active);

CREATE INDEX idx_skill_type_difficulty ON skills USING btree (skill_type, difficulty);

CREATE TRIGGER skills_audit_delete AFTER DELETE ON skills FOR EACH ROW EXECUTE FUNCTION audit_delete_of_skills();

CREATE TRIGGER skills_audit_insert AFTER INSERT ON skills REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_of_skills();

CREATE TRIGGER skills_audit_update AFTER UPDATE ON skills FOR EACH ROW EXECUTE FUNCTION audit_update_of_skills();

CREATE CONSTRAINT TRIGGER skills_graph_is_valid AFTER INSERT OR DELETE OR UPDATE ON skills DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION verify_skill_graph();

CREATE TRIGGER skills_refuse_truncate BEFORE TRUNCATE ON skills FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('skills');

CREATE TRIGGER skills_set_authorship BEFORE INSERT OR UPDATE ON skills FOR EACH ROW EXECUTE FUNCTION set_authorship();

CREATE TRIGGER skills_stamp_graph_change BEFORE INSERT OR UPDATE ON skills FOR EACH ROW EXECUTE FUNCTION stamp_skill_graph_change();

alter table skills enable row level security, force row level security;

create policy skills_read on skills for select to app_user
    using (true);

create policy skills_service on skills for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table skills to app_service;

grant select on table skills to app_user;

create table user_skill_tree_progress (
    user_id uuid not null,
    skill_tree_id uuid not null,
    id uuid not null default uuidv7(),
    status tree_progress_status not null default 'NOT_STARTED'::tree_progress_status,
    progress_percent double precision not null default 0,
    skills_completed integer not null default 0,
    total_skills integer not null default 0,
    time_spent_minutes bigint not null default 0,
    started_at timestamp with time zone,
    last_activity_at timestamp with time zone,
    completed_at timestamp with time zone,
    milestones_reached uuid[] not null default '{}'::uuid[],
    current_path uuid[] not null default '{}'::uuid[],
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    constraint unique_user_tree_progress PRIMARY KEY (user_id, skill_tree_id),
    constraint user_skill_tree_progress_completed_at_agrees CHECK (((status = 'COMPLETED'::tree_progress_status) = (completed_at IS NOT NULL))),
    constraint user_skill_tree_progress_current_path_count CHECK ((cardinality(current_path) <= 10000)),
    constraint user_skill_tree_progress_current_path_distinct CHECK (is_id_set(current_path)),
    constraint user_skill_tree_progress_milestones_reached_count CHECK ((cardinality(milestones_reached) <= 10000)),
    constraint user_skill_tree_progress_milestones_reached_distinct CHECK (is_id_set(milestones_reached)),
    constraint user_skill_tree_progress_progress_percent_range CHECK (((progress_percent >= (0)::double precision) AND (progress_percent <= (100)::double precision))),
    constraint user_skill_tree_progress_skill_tree_id_fkey FOREIGN KEY (skill_tree_id) REFERENCES skill_trees(id) ON DELETE CASCADE,
    constraint user_skill_tree_progress_skills_completed_range CHECK ((skills_completed >= 0)),
    constraint user_skill_tree_progress_started_at_agrees CHECK ((started_at <= completed_at)),
    constraint user_skill_tree_progress_time_spent_minutes_range CHECK ((time_spent_minutes >= 0)),
    constraint user_skill_tree_progress_total_skills_range CHECK ((total_skills >= 0)),
    constraint user_skill_tree_progress_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

CREATE INDEX idx_tree_progress_activity ON user_skill_tree_progress USING btree (last_activity_at);

CREATE INDEX idx_tree_user_status ON user_skill_tree_progress USING btree (skill_tree_id, status);

CREATE INDEX idx_user_tree_status ON user_skill_tree_progress USING btree (user_id, status);

CREATE TRIGGER user_skill_tree_progress_audit_delete AFTER DELETE ON user_skill_tree_progress FOR EACH ROW EXECUTE FUNCTION audit_delete_of_user_skill_tree_progress();

CREATE TRIGGER user_skill_tree_progress_audit_insert AFTER INSERT ON user_skill_tree_progress REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_of_user_skill_tree_progress();

CREATE TRIGGER user_skill_tree_progress_audit_update AFTER UPDATE ON user_skill_tree_progress FOR EACH ROW EXECUTE FUNCTION audit_update_of_user_skill_tree_progress();

CREATE TRIGGER user_skill_tree_progress_check_new_path AFTER INSERT ON user_skill_tree_progress FOR EACH ROW WHEN ((new.current_path <> '{}'::uuid[])) EXECUTE FUNCTION check_current_path();

CREATE TRIGGER user_skill_tree_progress_check_path AFTER UPDATE OF current_path ON user_skill_tree_progress FOR EACH ROW WHEN (((new.current_path <> '{}'::uuid[]) AND (new.current_path IS DISTINCT FROM old.current_path))) EXECUTE FUNCTION check_current_path();

CREATE TRIGGER user_skill_tree_progress_refuse_truncate BEFORE TRUNCATE ON user_skill_tree_progress FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('user_skill_tree_progress');

CREATE TRIGGER user_skill_tree_progress_set_updated_at BEFORE UPDATE ON user_skill_tree_progress FOR EACH ROW WHEN (((new.updated_at = old.updated_at) OR ((new.updated_at < (now() - '00:01:00'::interval)) OR (new.updated_at > (now() + '00:01:00'::interval))))) EXECUTE FUNCTION set_updated_at();

alter table user_skill_tree_progress enable row level security, force row level security;

create policy user_skill_tree_progress_own on user_skill_tree_progress for all to app_user
    using ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy user_skill_tree_progress_service on user_skill_tree_progress for all to app_service
    using (true)
    with check (true);

grant insert, update on table user_skill_tree_progress to app_engine;

grant delete, insert, select, update on table user_skill_tree_progress to app_service;

grant select on table user_skill_tree_progress to app_user;

create table user_skill_progress (
    user_id uuid not null,
    skill_id uuid not null,
    id uuid not null default uuidv7(),
    skill_tree_id uuid not null,
    status skill_progress_status not null default 'LOCKED'::skill_progress_status,
    progress_percent double precision not null default 0,
    time_spent_minutes bigint not null default 0,
    attempts_count bigint not null default 0,
    failed_attempts bigint not null default 0,
    completion_method completion_method,
    completion_score double precision,
    passing_score_waived boolean not null default false,
    evidence_data jsonb,
    unlocked_at timestamp with time zone,
    started_at timestamp with time zone,
    last_activity_at timestamp with time zone,
    completed_at timestamp with time zone,
    struggling_indicators jsonb,
    engagement_score double precision,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    constraint unique_user_skill_progress PRIMARY KEY (user_id, skill_id),
    constraint user_skill_progress_attempts_count_range CHECK ((attempts_count >= 0)),
    constraint user_skill_progress_completed_at_agrees CHECK (((status = 'COMPLETED'::skill_progress_status) = (completed_at IS NOT NULL))),
    constraint user_skill_progress_completion_score_range CHECK (((completion_score >= (0)::double precision) AND (completion_score <= (100)::double precision))),
    constraint user_skill_progress_engagement_score_range CHECK (((engagement_score >= (0)::double precision) AND (engagement_score <= (1)::double precision))),
    constraint user_skill_progress_evidence_data_depth CHECK (((pg_column_size(evidence_data) < 800) OR (NOT jsonb_path_exists(evidence_data, '$.**{100}'::jsonpath)))),
    constraint user_skill_progress_evidence_data_form CHECK ((jsonb_typeof(evidence_data) = 'object'::text)),
    constraint user_skill_progress_evidence_data_size CHECK ((pg_column_size(evidence_data) <= 1000000)),
    constraint user_skill_progress_failed_attempts_range CHECK (((failed_attempts >= 0) AND (failed_attempts <= attempts_count))),
    constraint user_skill_progress_passing_score_waived_agrees CHECK (((NOT passing_score_waived) OR (status = 'COMPLETED'::skill_progress_status))),
    constraint user_skill_progress_progress_percent_range CHECK (((progress_percent >= (0)::double precision) AND (progress_percent <= (100)::double precision))),
    constraint user_skill_progress_skill_id_fkey FOREIGN KEY (skill_id, skill_tree_id) REFERENCES skills(id, skill_tree_id) ON DELETE CASCADE,
    constraint user_skill_progress_started_at_agrees CHECK ((started_at <= completed_at)),
    constraint user_skill_progress_struggling_indicators_depth CHECK (((pg_column_size(struggling_indicators) < 800) OR (NOT jsonb_path_exists(struggling_indicators, '$.**{100}'::jsonpath)))),
    constraint user_skill_progress_struggling_indicators_form CHECK ((jsonb_typeof(struggling_indicators) = 'object'::text)),
    constraint user_skill_progress_struggling_indicators_size CHECK ((pg_column_size(struggling_indicators) <= 100000)),
    constraint user_skill_progress_time_spent_minutes_range CHECK ((time_spent_minutes >= 0)),
    constraint user_skill_progress_unlocked_at_agrees CHECK ((unlocked_at <= LEAST(started_at, completed_at))),
    constraint user_skill_progress_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

CREATE INDEX idx_skill_completion ON user_skill_progress USING btree (completed_at);

CREATE INDEX idx_skill_progress_activity ON user_skill_progress USING btree (last_activity_at);

CREATE INDEX idx_skill_user_status ON user_skill_progress USING btree (skill_id, status);

CREATE INDEX idx_tree_user_progress ON user_skill_progress USING btree (skill_tree_id, user_id);

CREATE INDEX idx_user_skill_status ON user_skill_progress USING btree (user_id, status);

CREATE TRIGGER user_skill_progress_audit_delete AFTER DELETE ON user_skill_progress FOR EACH ROW EXECUTE FUNCTION audit_delete_of_user_skill_progress();

CREATE TRIGGER user_skill_progress_audit_insert AFTER INSERT ON user_skill_progress REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_of_user_skill_progress();

CREATE TRIGGER user_skill_progress_audit_update AFTER UPDATE ON user_skill_progress FOR EACH ROW EXECUTE FUNCTION audit_update_of_user_skill_progress();

CREATE TRIGGER user_skill_progress_refuse_truncate BEFORE TRUNCATE ON user_skill_progress FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('user_skill_progress');

CREATE TRIGGER user_skill_progress_set_updated_at BEFORE UPDATE ON user_skill_progress FOR EACH ROW WHEN (((new.updated_at = old.updated_at) OR ((new.updated_at < (now() - '00:01:00'::interval)) OR (new.updated_at > (now() + '00:01:00'::interval))))) EXECUTE FUNCTION set_updated_at();

alter table user_skill_progress enable row level security, force row level security;

create policy user_skill_progress_own on user_skill_progress for all to app_user
    using ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy user_skill_progress_service on user_skill_progress for all to app_service
    using (true)
    with check (true);

grant insert, update on table user_skill_progress to app_engine;

grant delete, insert, select, update on table user_skill_progress to app_service;

grant select on table user_skill_progress to app_user;

create table begun_trees (
    skill_tree_id uuid not null,
    constraint begun_trees_pkey PRIMARY KEY (skill_tree_id),
    constraint begun_trees_skill_tree_id_fkey FOREIGN KEY (skill_tree_id) REFERENCES skill_trees(id) ON DELETE CASCADE
);

alter table begun_trees enable row level security, force row level security;

create policy begun_trees_engine on begun_trees for all to app_engine
    using (true)
    with check (true);

grant insert, select, update on table begun_trees to app_engine;

grant delete, insert, select, update on table begun_trees to app_service;

create table user_activity_days (
    user_id uuid not null,
    activity_date date not null,
    minutes bigint not null default 0,
    learnt_at timestamp with time zone,
    is_counted boolean not null default true,
    excuse text,
    constraint user_activity_days_excuse_agrees CHECK (((excuse IS NULL) OR is_counted)),
    constraint user_activity_days_excuse_length CHECK (((char_length(excuse) >= 1) AND (char_length(excuse) <= 500))),
    constraint user_activity_days_minutes_range CHECK ((minutes >= 0)),
    constraint user_activity_days_pkey PRIMARY KEY (user_id, activity_date),
    constraint user_activity_days_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

CREATE INDEX idx_activity_day_joining ON user_activity_days USING btree (user_id, activity_date) INCLUDE (is_counted) WHERE ((NOT is_counted) OR (excuse IS NOT NULL));

CREATE TRIGGER user_activity_days_audit_delete AFTER DELETE ON user_activity_days FOR EACH ROW EXECUTE FUNCTION audit_delete_of_user_activity_days();

CREATE TRIGGER user_activity_days_audit_update AFTER UPDATE ON user_activity_days FOR EACH ROW EXECUTE FUNCTION audit_update_of_user_activity_days();

CREATE TRIGGER user_activity_days_refuse_truncate BEFORE TRUNCATE ON user_activity_days FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('user_activity_days');

alter table user_activity_days enable row level security, force row level security;

create policy user_activity_days_own on user_activity_days for all to app_user
    using ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy user_activity_days_service on user_activity_days for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table user_activity_days to app_service;

grant select on table user_activity_days to app_user;

grant insert (activity_date, is_counted, learnt_at, minutes, user_id) on user_activity_days to app_engine;

grant update (minutes) on user_activity_days to app_engine;

create table levels (
    level integer not null,
    min_xp bigint not null,
    constraint levels_level_range CHECK (((level >= 1) AND (level <= 100))),
    constraint levels_min_xp_range CHECK ((min_xp >= 0)),
    constraint levels_pkey PRIMARY KEY (level),
    constraint unique_level_min_xp UNIQUE (min_xp)
);

alter table levels enable row level security, force row level security;

create policy levels_read on levels for select to app_user
    using (true);

create policy levels_service on levels for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table levels to app_service;

grant select on table levels to app_user;

create table xp_events (
    user_id uuid not null,
    source_kind text not null,
    source_id uuid not null,
    id uuid not null default uuidv7(),
    xp integer not null,
    granted_at timestamp with time zone not null default now(),
    granted_on date not null default ((now() AT TIME ZONE 'UTC'::text))::date,
    skill_tree_id uuid,
    category_id uuid,
    difficulty difficulty_level,
    skill_type skill_type,
    constraint xp_events_pkey PRIMARY KEY (user_id, source_kind, source_id),
    constraint xp_events_source_kind_known CHECK ((source_kind = ANY (ARRAY['SKILL'::text, 'ACHIEVEMENT'::text]))),
    constraint xp_events_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    constraint xp_events_xp_range CHECK (((xp >= 0) AND (xp <= 1000000)))
);

CREATE INDEX idx_xp_event_date ON xp_events USING btree (user_id, granted_at);

CREATE TRIGGER xp_events_audit_delete AFTER DELETE ON xp_events FOR EACH ROW EXECUTE FUNCTION audit_delete_of_xp_events();

CREATE TRIGGER xp_events_audit_update AFTER UPDATE ON xp_events FOR EACH ROW EXECUTE FUNCTION audit_update_of_xp_events();

CREATE TRIGGER xp_events_refuse_truncate BEFORE TRUNCATE ON xp_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('xp_events');

alter table xp_events enable row level security, force row level security;

create policy xp_events_own on xp_events for all to app_user
    using ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy xp_events_service on xp_events for all to app_service
    using (true)
    with check (true);

grant insert on table xp_events to app_engine;

grant delete, insert, select, update on table xp_events to app_service;

grant select on table xp_events to app_user;

create table achievements (
    id uuid not null default uuidv7(),
    name text not null,
    description text not null,
    category achievement_category not null default 'PROGRESS'::achievement_category,
    criteria jsonb not null,
    criterion text generated always as ((criteria ->> 'type'::text)) stored,
    threshold integer generated always as (
CASE
    WHEN ((jsonb_typeof((criteria -> 'threshold'::text)) = 'number'::text) AND ((((criteria -> 'threshold'::text))::numeric >= (1)::numeric) AND (((criteria -> 'threshold'::text))::numeric <= (2147483647)::numeric))) THEN (((criteria -> 'threshold'::text))::numeric)::integer
    ELSE NULL::integer
END) stored,
    for_category_id uuid generated always as (((criteria #>> '{additionalParams,categoryId}'::text[]))::uuid) stored,
    for_tree_id uuid generated always as (((criteria #>> '{additionalParams,treeId}'::text[]))::uuid) stored,
    for_difficulty text generated always as ((criteria #>> '{additionalParams,difficulty}'::text[])) stored,
    for_skill_type text generated always as ((criteria #>> '{additionalParams,skillType}'::text[])) stored,
    is_limited boolean not null generated always as ((COALESCE((criteria #>> '{additionalParams,categoryId}'::text[]), (criteria #>> '{additionalParams,treeId}'::text[]), (criteria #>> '{additionalParams,difficulty}'::text[]), (criteria #>> '{additionalParams,skillType}'::text[])) IS NOT NULL)) stored,
    xp_reward integer not null default 0,
    badge_icon text,
    badge_color text,
    rarity achievement_rarity not null default 'COMMON'::achievement_rarity,
    is_visible boolean not null default true,
    is_active boolean not null default true,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now(),
    constraint achievements_badge_color_form CHECK ((badge_color ~ '^#[0-9A-Fa-f]{6}$'::text)),
    constraint achievements_badge_icon_length CHECK ((char_length(badge_icon) <= 2048)),
    constraint achievements_criteria_depth CHECK (((pg_column_size(criteria) < 800) OR (NOT jsonb_path_exists(criteria, '$.**{100}'::jsonpath)))),
    constraint achievements_criteria_form CHECK (((jsonb_typeof(criteria) = 'object'::text) AND COALESCE(((criteria ->> 'type'::text) = ANY (ARRAY['skill_completion_count'::text, 'xp_threshold'::text, 'streak_days'::text])), false) AND ((criteria - ARRAY['type'::text, 'threshold'::text, 'additionalParams'::text]) = '{}'::jsonb) AND
CASE
    WHEN (jsonb_typeof((criteria -> 'threshold'::text)) = 'number'::text) THEN (((((criteria -> 'threshold'::text))::numeric >= (1)::numeric) AND (((criteria -> 'threshold'::text))::numeric <= (2147483647)::numeric)) AND ((((criteria -> 'threshold'::text))::numeric % (1)::numeric) = (0)::numeric))
    ELSE false
END)),
    constraint achievements_criteria_size CHECK ((pg_column_size(criteria) <= 10000)),
    constraint achievements_description_length CHECK (((char_length(description) >= 1) AND (char_length(description) <= 10000))),
    constraint achievements_for_difficulty_known CHECK ((for_difficulty = ANY (ARRAY['BEGINNER'::text, 'INTERMEDIATE'::text, 'ADVANCED'::text, 'EXPERT'::text]))),
    constraint achievements_for_skill_type_known CHECK ((for_skill_type = ANY (ARRAY['KNOWLEDGE'::text, 'PRACTICAL'::text, 'PROJECT'::text, 'ASSESSMENT'::text, 'MILESTONE'::text]))),
    constraint achievements_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    constraint achievements_pkey PRIMARY KEY (id),
    constraint achievements_xp_reward_range CHECK (((xp_reward >= 0) AND (xp_reward <= 1000000)))
);

CREATE INDEX idx_achievement_category ON achievements USING btree (category, is_active);

CREATE INDEX idx_achievement_rarity ON achievements USING btree (rarity);

CREATE TRIGGER achievements_audit_delete AFTER DELETE ON achievements FOR EACH ROW EXECUTE FUNCTION audit_delete_of_achievements();

CREATE TRIGGER achievements_audit_insert AFTER INSERT ON achievements REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_of_achievements();

CREATE TRIGGER achievements_audit_update AFTER UPDATE ON achievements FOR EACH ROW EXECUTE FUNCTION audit_update_of_achievements();

CREATE TRIGGER achievements_refuse_truncate BEFORE TRUNCATE ON achievements FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('achievements');

CREATE TRIGGER achievements_set_updated_at BEFORE UPDATE ON achievements FOR EACH ROW WHEN (((new.updated_at = old.updated_at) OR ((new.updated_at < (now() - '00:01:00'::interval)) OR (new.updated_at > (now() + '00:01:00'::interval))))) EXECUTE FUNCTION set_updated_at();

alter table achievements enable row level security, force row level security;

create policy achievements_read on achievements for select to app_user
    using (true);

create policy achievements_service on achievements for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table achievements to app_service;

grant select on table achievements to app_user;

create table user_achievements (
    user_id uuid not null,
    achievement_id uuid not null,
    id uuid not null default uuidv7(),
    earned_at timestamp with time zone not null default now(),
    progress double precision not null default 100,
    metadata jsonb,
    constraint unique_user_achievement PRIMARY KEY (user_id, achievement_id),
    constraint user_achievements_achievement_id_fkey FOREIGN KEY (achievement_id) REFERENCES achievements(id) ON DELETE CASCADE,
    constraint user_achievements_metadata_depth CHECK (((pg_column_size(metadata) < 800) OR (NOT jsonb_path_exists(metadata, '$.**{100}'::jsonpath)))),
    constraint user_achievements_metadata_form CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    constraint user_achievements_metadata_size CHECK ((pg_column_size(metadata) <= 100000)),
    constraint user_achievements_progress_range CHECK (((progress >= (0)::double precision) AND (progress <= (100)::double precision))),
    constraint user_achievements_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

CREATE INDEX idx_achievement_users ON user_achievements USING btree (achievement_id);

CREATE INDEX idx_user_achievement_date ON user_achievements USING btree (user_id, earned_at);

CREATE TRIGGER user_achievements_audit_delete AFTER DELETE ON user_achievements FOR EACH ROW EXECUTE FUNCTION audit_delete_of_user_achievements();

CREATE TRIGGER user_achievements_audit_update AFTER UPDATE ON user_achievements FOR EACH ROW EXECUTE FUNCTION audit_update_of_user_achievements();

CREATE TRIGGER user_achievements_refuse_truncate BEFORE TRUNCATE ON user_achievements FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('user_achievements');

alter table user_achievements enable row level security, force row level security;

create policy user_achievements_own on user_achievements for all to app_user
    using ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy user_achievements_service on user_achievements for all to app_service
    using (true)
    with check (true);

grant insert on table user_achievements to app_engine;

grant delete, insert, select, update on table user_achievements to app_service;

grant select on table user_achievements to app_user;

create table achievement_backfills (
    achievement_id uuid not null,
    after_user_id uuid,
    learners_seen integer not null default 0,
    awarded integer not null default 0,
    started_at timestamp with time zone not null default now(),
    finished_at timestamp with time zone,
    constraint achievement_backfills_achievement_id_fkey FOREIGN KEY (achievement_id) REFERENCES achievements(id) ON DELETE CASCADE,
    constraint achievement_backfills_awarded_range CHECK (((awarded >= 0) AND (awarded <= learners_seen))),
    constraint achievement_backfills_learners_seen_range CHECK ((learners_seen >= 0)),
    constraint achievement_backfills_pkey PRIMARY KEY (achievement_id)
);

alter table achievement_backfills enable row level security, force row level security;

create policy achievement_backfills_service on achievement_backfills for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table achievement_backfills to app_service;

create table user_scores (
    user_id uuid not null,
    board leaderboard not null,
    starts_on date not null,
    xp bigint not null,
    reached_at timestamp with time zone not null,
    is_listed boolean not null,
    constraint user_scores_pkey PRIMARY KEY (user_id, board, starts_on),
    constraint user_scores_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    constraint user_scores_xp_range CHECK ((xp > 0))
);

CREATE INDEX idx_user_score_rank ON user_scores USING btree (board, starts_on, ((- xp)), reached_at, user_id) WHERE is_listed;

alter table user_scores enable row level security, force row level security;

create policy user_scores_own on user_scores for all to app_user
    using ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy user_scores_service on user_scores for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table user_scores to app_engine;

grant delete, insert, select, update on table user_scores to app_service;

create table leaderboard_counts (
    board leaderboard not null,
    starts_on date not null,
    level integer not null,
    bucket bigint not null,
    slot integer not null,
    counts integer[] not null,
    constraint leaderboard_counts_bucket_range CHECK ((bucket >= 0)),
    constraint leaderboard_counts_counts_form CHECK ((cardinality(counts) = 64)),
    constraint leaderboard_counts_level_range CHECK (((level >= 0) AND (level <= 10))),
    constraint leaderboard_counts_pkey PRIMARY KEY (board, starts_on, level, bucket, slot),
    constraint leaderboard_counts_slot_range CHECK (((slot >= 0) AND (slot <= 7)))
)
with (fillfactor=50);

alter table leaderboard_counts enable row level security, force row level security;

create policy leaderboard_counts_engine on leaderboard_counts for all to app_engine
    using (true)
    with check (true);

grant insert, select, update on table leaderboard_counts to app_engine;

grant delete, insert, select, update on table leaderboard_counts to app_service;

create table user_sessions (
    user_id uuid not null,
    id uuid not null default uuidv7(),
    token_hash bytea,
    device_info jsonb,
    ip_address inet,
    started_at timestamp with time zone not null default now(),
    last_activity_at timestamp with time zone not null default now(),
    expires_at timestamp with time zone not null default (now() + '30 days'::interval),
    ended_at timestamp with time zone,
    is_active boolean not null default true,
    constraint unique_session_token UNIQUE (user_id, token_hash),
    constraint user_sessions_device_info_depth CHECK (((pg_column_size(device_info) < 800) OR (NOT jsonb_path_exists(device_info, '$.**{100}'::jsonpath)))),
    constraint user_sessions_device_info_form CHECK ((jsonb_typeof(device_info) = 'object'::text)),
    constraint user_sessions_device_info_size CHECK ((pg_column_size(device_info) <= 100000)),
    constraint user_sessions_ended_at_agrees CHECK ((is_active = (ended_at IS NULL))),
    constraint user_sessions_pkey PRIMARY KEY (user_id, id),
    constraint user_sessions_started_at_agrees CHECK ((started_at <= ended_at)),
    constraint user_sessions_token_hash_length CHECK ((octet_length(token_hash) = 32)),
    constraint user_sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

CREATE INDEX idx_session_activity ON user_sessions USING btree (last_activity_at) WHERE is_active;

CREATE INDEX idx_session_expiry ON user_sessions USING btree (expires_at) WHERE is_active;

CREATE INDEX idx_user_session_active ON user_sessions USING btree (user_id, is_active);

CREATE TRIGGER user_sessions_audit_delete AFTER DELETE ON user_sessions FOR EACH ROW EXECUTE FUNCTION audit_delete_of_user_sessions();

CREATE TRIGGER user_sessions_audit_insert AFTER INSERT ON user_sessions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION audit_insert_of_user_sessions();

CREATE TRIGGER user_sessions_audit_update AFTER UPDATE ON user_sessions FOR EACH ROW EXECUTE FUNCTION audit_update_of_user_sessions();

CREATE TRIGGER user_sessions_refuse_truncate BEFORE TRUNCATE ON user_sessions FOR EACH STATEMENT EXECUTE FUNCTION refuse_truncate('user_sessions');

alter table user_sessions enable row level security, force row level security;

create policy user_sessions_own on user_sessions for all to app_user
    using ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy user_sessions_service on user_sessions for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table user_sessions to app_service;

grant update (ended_at, is_active) on user_sessions to app_engine;

grant select (device_info, ended_at, expires_at, id, ip_address, is_active, last_activity_at, started_at, user_id) on user_sessions to app_user;

create table login_attempts (
    identifier_hash bytea not null,
    network text not null,
    failures integer not null default 0,
    last_failed_at timestamp with time zone not null default now(),
    succeeded_at timestamp with time zone,
    constraint login_attempts_failures_range CHECK ((failures >= 0)),
    constraint login_attempts_identifier_hash_length CHECK ((octet_length(identifier_hash) = ANY (ARRAY[0, 32]))),
    constraint login_attempts_network_length CHECK ((char_length(network) <= 50)),
    constraint login_attempts_pkey PRIMARY KEY (identifier_hash, network)
);

CREATE INDEX idx_login_attempt_age ON login_attempts USING btree (last_failed_at);

alter table login_attempts enable row level security, force row level security;

create policy login_attempts_own on login_attempts for select to app_user
    using ((identifier_hash = ANY (own_identifiers())));

create policy login_attempts_service on login_attempts for all to app_service
    using (true)
    with check (true);

grant select on table login_attempts to app_engine;

grant delete, insert, select, update on table login_attempts to app_service;

create table user_tokens (
    user_id uuid not null,
    purpose text not null,
    token_hash bytea not null,
    email text not null,
    created_at timestamp with time zone not null default now(),
    expires_at timestamp with time zone not null,
    constraint user_tokens_email_form CHECK (((email ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$'::text) AND (unseen_in(email, true) IS NULL))),
    constraint user_tokens_email_length CHECK ((char_length(email) <= 254)),
    constraint user_tokens_pkey PRIMARY KEY (user_id, purpose),
    constraint user_tokens_purpose_known CHECK ((purpose = ANY (ARRAY['EMAIL_VERIFICATION'::text, 'PASSWORD_RESET'::text, 'EMAIL_CHANGE'::text]))),
    constraint user_tokens_token_hash_length CHECK ((octet_length(token_hash) = 32)),
    constraint user_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

CREATE INDEX idx_user_token_expiry ON user_tokens USING btree (expires_at);

alter table user_tokens enable row level security, force row level security;

create policy user_tokens_own on user_tokens for all to app_user
    using ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))
    with check ((user_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy user_tokens_service on user_tokens for all to app_service
    using (true)
    with check (true);

grant delete, insert, select, update on table user_tokens to app_service;

grant select (created_at, email, expires_at, purpose, user_id) on user_tokens to app_engine;

create table audit_log (
    subject_id uuid not null,
    occurred_at timestamp with time zone not null default clock_timestamp(),
    id bigint not null default nextval('audit_entries'::regclass),
    table_name text not null,
    action audit_action not null,
    row_keys text[] not null,
    actor_id uuid default (COALESCE(NULLIF(current_setting('app.actor_id'::text, true), ''::text), NULLIF(current_setting('app.current_user_id'::text, true), ''::text)))::uuid,
    role_name text not null default COALESCE(NULLIF(current_setting('role'::text), 'none'::text), (SESSION_USER)::text),
    transaction_id xid8 not null default pg_current_xact_id(),
    before jsonb,
    after jsonb,
    constraint audit_log_pkey PRIMARY KEY (subject_id, occurred_at, id)
)
partition by RANGE (occurred_at);

CREATE INDEX idx_audit_actor ON ONLY audit_log USING btree (actor_id) WHERE (actor_id <> subject_id);

alter table audit_log enable row level security, force row level security;

create policy audit_log_own on audit_log for select to app_user
    using ((subject_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy audit_log_owner on audit_log for all to current_user
    using (true)
    with check (true);

create policy audit_log_service on audit_log for select to app_service
    using (true);

grant select on table audit_log to app_engine;

grant select on table audit_log to app_service;

create table shared_audit_log (
    subject_id uuid not null,
    occurred_at timestamp with time zone not null default clock_timestamp(),
    id bigint not null generated always as identity,
    table_name text not null,
    action audit_action not null,
    row_keys text[] not null,
    actor_id uuid default (COALESCE(NULLIF(current_setting('app.actor_id'::text, true), ''::text), NULLIF(current_setting('app.current_user_id'::text, true), ''::text)))::uuid,
    role_name text not null default COALESCE(NULLIF(current_setting('role'::text), 'none'::text), (SESSION_USER)::text),
    transaction_id xid8 not null default pg_current_xact_id(),
    before jsonb,
    after jsonb,
    constraint shared_audit_log_pkey PRIMARY KEY (subject_id, occurred_at, id)
);

CREATE INDEX idx_shared_audit_actor ON shared_audit_log USING btree (actor_id) WHERE (actor_id <> subject_id);

alter table shared_audit_log enable row level security, force row level security;

create policy shared_audit_log_own on shared_audit_log for select to app_user
    using ((subject_id = (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid));

create policy shared_audit_log_owner on shared_audit_log for all to current_user
    using (true)
    with check (true);

create policy shared_audit_log_service on shared_audit_log for select to app_service
    using (true);

grant select on table shared_audit_log to app_engine;

grant select on table shared_audit_log to app_service;

create view skill_work with (security_invoker=true) as
 SELECT user_id,
    skill_id,
    skill_tree_id,
    status,
    (status = ANY (ARRAY['COMPLETED'::skill_progress_status, 'SKIPPED'::skill_progress_status])) AS is_satisfied,
    (status = ANY (ARRAY['IN_PROGRESS'::skill_progress_status, 'COMPLETED'::skill_progress_status, 'SKIPPED'::skill_progress_status])) AS is_begun,
    progress_percent,
    time_spent_minutes,
    attempts_count,
    failed_attempts,
    completion_method,
    completion_score,
    evidence_data,
    unlocked_at,
    started_at,
    last_activity_at,
    completed_at,
    struggling_indicators,
    engagement_score,
    created_at
   FROM user_skill_progress;

grant select on view skill_work to app_user;

create view unsatisfied_skills with (security_invoker=true) as
 SELECT user_profiles.user_id,
    skills.id AS skill_id
   FROM (user_profiles
     CROSS JOIN skills)
  WHERE (skills.is_active AND (NOT (EXISTS ( SELECT
           FROM skill_work
          WHERE ((skill_work.user_id = user_profiles.user_id) AND (skill_work.skill_id = skills.id) AND skill_work.is_satisfied)))));

grant select on view unsatisfied_skills to app_user;

create view tree_standings with (security_invoker=true) as
 SELECT user_id,
    skill_tree_id,
    total_skills,
    skills_completed,
    (COALESCE(((100.0 * (skills_completed)::numeric) / (NULLIF(total_skills, 0))::numeric), (0)::numeric))::double precision AS progress_percent,
    milestones_reached,
    time_spent_minutes
   FROM ( SELECT user_skill_tree_progress.user_id,
            user_skill_tree_progress.skill_tree_id,
            (COALESCE(NULLIF(tree.required_skills, 0), tree.active_skills, (0)::bigint))::integer AS total_skills,
            (COALESCE(
                CASE
                    WHEN (tree.required_skills > 0) THEN work.required_skills
                    ELSE work.active_skills
                END, (0)::bigint))::integer AS skills_completed,
            COALESCE(work.milestones_reached, '{}'::uuid[]) AS milestones_reached,
            (COALESCE(work.time_spent_minutes, (0)::numeric))::bigint AS time_spent_minutes
           FROM ((user_skill_tree_progress
             LEFT JOIN ( SELECT skills.skill_tree_id,
                    count(*) FILTER (WHERE (NOT skills.is_optional)) AS required_skills,
                    count(*) AS active_skills
                   FROM skills
                  WHERE skills.is_active
                  GROUP BY skills.skill_tree_id) tree ON ((tree.skill_tree_id = user_skill_tree_progress.skill_tree_id)))
             LEFT JOIN ( SELECT user_skill_progress.user_id,
                    user_skill_progress.skill_tree_id,
                    count(*) FILTER (WHERE ((user_skill_progress.status = 'COMPLETED'::skill_progress_status) AND skills.is_active AND (NOT skills.is_optional))) AS required_skills,
                    count(*) FILTER (WHERE ((user_skill_progress.status = 'COMPLETED'::skill_progress_status) AND skills.is_active)) AS active_skills,
                    array_agg(skills.id ORDER BY skills.id) FILTER (WHERE ((user_skill_progress.status = 'COMPLETED'::skill_progress_status) AND skills.is_active AND skills.is_milestone)) AS milestones_reached,
                    sum(user_skill_progress.time_spent_minutes) AS time_spent_minutes
                   FROM (user_skill_progress
                     JOIN skills ON ((skills.id = user_skill_progress.skill_id)))
                  GROUP BY user_skill_progress.user_id, user_skill_progress.skill_tree_id) work ON (((work.user_id = user_skill_tree_progress.user_id) AND (work.skill_tree_id = user_skill_tree_progress.skill_tree_id))))) counted;

grant select on view tree_standings to app_user;

create view streaks with (security_invoker=true) as
 SELECT user_id,
    max(activity_date) AS ends_on,
    (count(*) FILTER (WHERE is_counted))::integer AS days,
    min(activity_date) AS begins_on
   FROM ( SELECT day.user_id,
            day.activity_date,
            (uncounted.activity_date IS NULL) AS is_counted,
            (day.activity_date - (row_number() OVER (PARTITION BY day.user_id ORDER BY day.activity_date))::integer) AS run
           FROM (user_activity_days day
             LEFT JOIN ( SELECT user_activity_days.user_id,
                    user_activity_days.activity_date
                   FROM user_activity_days
                  WHERE (NOT user_activity_days.is_counted)) uncounted ON (((uncounted.user_id = day.user_id) AND (uncounted.activity_date = day.activity_date))))) numbered
  GROUP BY user_id, run;

grant select on view streaks to app_user;

create view achievement_standings with (security_invoker=true) as
 SELECT counted.user_id,
    counted.achievement_id,
    counted.threshold,
        CASE
            WHEN (counted.criterion = 'skill_completion_count'::text) THEN counted.skills
            WHEN ((counted.criterion = 'xp_threshold'::text) AND (NOT counted.is_limited)) THEN (counted.total_xp)::numeric
            WHEN (counted.criterion = 'xp_threshold'::text) THEN counted.xp
            WHEN (NOT counted.is_limited) THEN (counted.max_streak)::numeric
            ELSE (COALESCE(limited.streak, 0))::numeric
        END AS value
   FROM (( SELECT user_profiles.user_id,
            user_profiles.total_xp,
            user_profiles.max_streak,
            achievements.id AS achievement_id,
            achievements.criterion,
            achievements.threshold,
            achievements.is_limited,
            achievements.for_category_id,
            achievements.for_tree_id,
            achievements.for_difficulty,
            achievements.for_skill_type,
            COALESCE(sum(paid.skills), (0)::numeric) AS skills,
            COALESCE(sum(paid.xp), (0)::numeric) AS xp
           FROM ((user_profiles
             CROSS JOIN achievements)
             LEFT JOIN ( SELECT xp_events.user_id,
                    xp_events.category_id,
                    xp_events.skill_tree_id,
                    xp_events.difficulty,
                    xp_events.skill_type,
                    count(*) AS skills,
                    sum(xp_events.xp) AS xp
                   FROM xp_events
                  WHERE (xp_events.source_kind = 'SKILL'::text)
                  GROUP BY xp_events.user_id, xp_events.category_id, xp_events.skill_tree_id, xp_events.difficulty, xp_events.skill_type) paid ON (((paid.user_id = user_profiles.user_id) AND ((achievements.for_category_id IS NULL) OR (paid.category_id = achievements.for_category_id)) AND ((achievements.for_tree_id IS NULL) OR (paid.skill_tree_id = achievements.for_tree_id)) AND ((achievements.for_difficulty IS NULL) OR ((paid.difficulty)::text = achievements.for_difficulty)) AND ((achievements.for_skill_type IS NULL) OR ((paid.skill_type)::text = achievements.for_skill_type)))))
          GROUP BY user_profiles.user_id, achievements.id) counted
     LEFT JOIN LATERAL ( SELECT longest_streak(array_agg(learnt.granted_on), COALESCE(joining.days, '{}'::date[])) AS streak
           FROM (xp_events learnt
             LEFT JOIN ( SELECT user_activity_days.user_id,
                    array_agg(user_activity_days.activity_date) AS days
                   FROM user_activity_days
                  WHERE ((NOT user_activity_days.is_counted) OR (user_activity_days.excuse IS NOT NULL))
                  GROUP BY user_activity_days.user_id) joining ON ((joining.user_id = learnt.user_id)))
          WHERE ((counted.criterion = 'streak_days'::text) AND counted.is_limited AND (learnt.user_id = counted.user_id) AND (learnt.source_kind = 'SKILL'::text) AND ((counted.for_category_id IS NULL) OR (learnt.category_id = counted.for_category_id)) AND ((counted.for_tree_id IS NULL) OR (learnt.skill_tree_id = counted.for_tree_id)) AND ((counted.for_difficulty IS NULL) OR ((learnt.difficulty)::text = counted.for_difficulty)) AND ((counted.for_skill_type IS NULL) OR ((learnt.skill_type)::text = counted.for_skill_type)))
          GROUP BY joining.days) limited ON (true));

grant select on view achievement_standings to app_user;

create view visible_trees with (security_invoker=true) as
 SELECT id,
    category_id,
    name,
    slug,
    description,
    short_description,
    difficulty,
    estimated_hours,
    prerequisites,
    tags,
    version,
    language,
    layout_config,
    theme_config,
    is_published,
    is_featured,
    is_ai_generated,
    created_at,
    updated_at,
    created_by,
    updated_by,
    search_document
   FROM skill_trees
  WHERE (is_published OR (CURRENT_USER <> ALL (ARRAY['app_user'::name, 'app_engine'::name])) OR is_in_tree(id));

grant select on view visible_trees to app_service;

grant select on view visible_trees to app_user;

create view audit_trail with (security_invoker=true) as
 SELECT audit_log.subject_id,
    audit_log.occurred_at,
    audit_log.id,
    audit_log.table_name,
    audit_log.action,
    audit_log.row_keys,
    audit_log.actor_id,
    audit_log.role_name,
    audit_log.transaction_id,
    audit_log.before,
    audit_log.after
   FROM audit_log
UNION ALL
 SELECT shared_audit_log.subject_id,
    shared_audit_log.occurred_at,
    shared_audit_log.id,
    shared_audit_log.table_name,
    shared_audit_log.action,
    shared_audit_log.row_keys,
    shared_audit_log.actor_id,
    shared_audit_log.role_name,
    shared_audit_log.transaction_id,
    shared_audit_log.before,
    shared_audit_log.after
   FROM shared_audit_log;

grant select on view audit_trail to app_engine;

grant select on view audit_trail to app_service;

CREATE FUNCTION public.set_updated_at()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    new.updated_at := now();
    return new;
end
$function$;

CREATE FUNCTION public.set_authorship()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    actor constant uuid := coalesce(
        nullif(current_setting('app.actor_id', true), ''), nullif(current_setting('app.current_user_id', true), '')
    )::uuid;
begin
    if tg_op = 'UPDATE' then
        if
            new.updated_at = old.updated_at
            or new.updated_at not between now() - interval '1 minute' and now() + interval '1 minute'
        then
            new.updated_at := now();
        end if;
        if actor is not null and new.created_by is not null then
            new.created_by := old.created_by;
        end if;
    elsif actor is not null then
        new.created_by := actor;
    end if;
    new.updated_by := coalesce(actor, new.updated_by);
    return new;
end
$function$;

CREATE FUNCTION public.is_id_set(ids uuid[])
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    if cardinality(ids) = 0 then
        return true;
    end if;
    return array_ndims(ids) = 1
        and array_position(ids, null) is null
        and (cardinality(ids) = 1 or (select count(distinct id) = cardinality(ids) from unnest(ids) as id));
end
$function$;

grant execute on function is_id_set(uuid[]) to app_user;

CREATE FUNCTION public.is_text_list(items text[], most_items integer, most_characters integer)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    if cardinality(items) = 0 then
        return true;
    end if;
    return array_ndims(items) = 1
        and cardinality(items) <= most_items
        and array_position(items, null) is null
        and not exists (
            select from unnest(items) as item where char_length(item) not between 1 and most_characters
        );
end
$function$;

grant execute on function is_text_list(text[],integer,integer) to app_user;

CREATE FUNCTION public.fold_name(name text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        declare
            folded text collate "C" := name;
        begin
            if octet_length(folded) > char_length(folded) then
                folded := regexp_replace(normalize(folded, NFKD), E'[\\u0001-\\u001F\\u007F-\\u009F\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u2800\\u3164\\uE000-\\uF8FF\\uFDD0-\\uFDEF\\uFE00-\\uFE0D\\uFEFF\\uFFA0\\uFFF0-\\uFFFC\\uFFFE\\uFFFF\\U00013430-\\U0001343F\\U0001BCA0-\\U0001BCA3\\U0001D159\\U0001D173-\\U0001D17A\\U000E0000-\\U000E0FFF\\U000F0000-\\U0010FFFF\\u200C\\u200D\\uFE0E\\uFE0F]', '', 'g');
                folded := translate(folded, 'ABCDEFGHIJKLMNOPQRSTUVWXYZÆÐØÞĐĦıŁŊŒŦƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎͅͰͲͶͿΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЂЄІЈЊЅЉЋЏАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅჇჍᏸᏹᏺᏻᏼᏽᲀᲁᲂᲃᲄᲅᲆᲇᲈᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿẞỺỼỾℲↃⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫⰬⰭⰮⰯⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢⳫⳭⳲꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜꞞꞠꞢꞤꞦꞨꞪꞫꞬꞭꞮꞰꞱꞲꞳꞴꞶꞸꞺꞼꞾꟀꟂꟄꟅꟆꟇꟉꟐꟖꟘꟵꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿ𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚𐐛𐐜𐐝𐐞𐐟𐐠𐐡𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓𐕰𐕱𐕲𐕳𐕴𐕵𐕶𐕷𐕸𐕹𐕺𐕼𐕽𐕾𐕿𐖀𐖁𐖂𐖃𐖄𐖅𐖆𐖇𐖈𐖉𐖊𐖌𐖍𐖎𐖏𐖐𐖑𐖒𐖔𐖕𐲀𐲁𐲂𐲃𐲄𐲅𐲆𐲇𐲈𐲉𐲊𐲋𐲌𐲍𐲎𐲏𐲐𐲑𐲒𐲓𐲔𐲕𐲖𐲗𐲘𐲙𐲚𐲛𐲜𐲝𐲞𐲟𐲠𐲡𐲢𐲣𐲤𐲥𐲦𐲧𐲨𐲩𐲪𐲫𐲬𐲭𐲮𐲯𐲰𐲱𐲲𑢠𑢡𑢢𑢣𑢤𑢥𑢦𑢧𑢨𑢩𑢪𑢫𑢬𑢭𑢮𑢯𑢰𑢱𑢲𑢳𑢴𑢵𑢶𑢷𑢸𑢹𑢺𑢻𑢼𑢽𑢾𑢿𖹀𖹁𖹂𖹃𖹄𖹅𖹆𖹇𖹈𖹉𖹊𖹋𖹌𖹍𖹎𖹏𖹐𖹑𖹒𖹓𖹔𖹕𖹖𖹗𖹘𖹙𖹚𖹛𖹜𖹝𖹞𖹟𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈𞤉𞤊𞤋𞤌𞤍𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟𞤠𞤡', 'abcdefghijklmnopqrstuvwxyzæðøþđħiłŋœŧɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵƣƥʀƨʃƭʈʊʋƴƶʒƹƽǥƕƿȝƞȣȥⱥȼƚⱦɂƀʉʌɇɉɋɍɏιͱͳͷϳαβγδεζηθικλμνξοπρστυφχψωσϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽђєіјњѕљћџабвгдежзиклмнопрстуфхцчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥⴧⴭᏰᏱᏲᏳᏴᏵвдосттъѣꙋაბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿßỻỽỿⅎↄⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀⱁⱂⱃⱄⱅⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛⱜⱝⱞⱟⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶȿɀⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃⳅⳇⳉⳋⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣⳬⳮⳳꙁꙃꙅꙇꙉꙋꙍꙏꙑꙓꙕꙗꙙꙛꙝꙟꙡꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉꚋꚍꚏꚑꚓꚕꚗꚙꚛꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓꝕꝗꝙꝛꝝꝟꝡꝣꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿꞁꞃꞅꞇꞌɥꞑꞓꞗꞙꞛꞝꞟꞡꞣꞥꞧꞩɦɜɡɬɪʞʇʝꭓꞵꞷꞹꞻꞽꞿꟁꟃꞔʂᶎꟈꟊꟑꟗꟙꟶᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯ𐐨𐐩𐐪𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂𐑃𐑄𐑅𐑆𐑇𐑈𐑉𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻𐖗𐖘𐖙𐖚𐖛𐖜𐖝𐖞𐖟𐖠𐖡𐖣𐖤𐖥𐖦𐖧𐖨𐖩𐖪𐖫𐖬𐖭𐖮𐖯𐖰𐖱𐖳𐖴𐖵𐖶𐖷𐖸𐖹𐖻𐖼𐳀𐳁𐳂𐳃𐳄𐳅𐳆𐳇𐳈𐳉𐳊𐳋𐳌𐳍𐳎𐳏𐳐𐳑𐳒𐳓𐳔𐳕𐳖𐳗𐳘𐳙𐳚𐳛𐳜𐳝𐳞𐳟𐳠𐳡𐳢𐳣𐳤𐳥𐳦𐳧𐳨𐳩𐳪𐳫𐳬𐳭𐳮𐳯𐳰𐳱𐳲𑣀𑣁𑣂𑣃𑣄𑣅𑣆𑣇𑣈𑣉𑣊𑣋𑣌𑣍𑣎𑣏𑣐𑣑𑣒𑣓𑣔𑣕𑣖𑣗𑣘𑣙𑣚𑣛𑣜𑣝𑣞𑣟𖹠𖹡𖹢𖹣𖹤𖹥𖹦𖹧𖹨𖹩𖹪𖹫𖹬𖹭𖹮𖹯𖹰𖹱𖹲𖹳𖹴𖹵𖹶𖹷𖹸𖹹𖹺𖹻𖹼𖹽𖹾𖹿𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪𞤫𞤬𞤭𞤮𞤯𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁𞥂𞥃');
                folded := translate(
                    folded, 'авекмнорстухіјѕһԁԛԝӏαβεζηικμνορτυχϳɑɡ', 'abekmhopctyxijshdqwlabezhikmnoptyxjag'
                );
                folded := replace(replace(replace(folded, U&'i\0307', 'i'), U&'j\0307', 'j'), 'ß', 'ss');
            end if;
            return btrim(regexp_replace(lower(folded), ' +', ' ', 'g'));
        end
        $function$;

grant execute on function fold_name(text) to app_user;

CREATE FUNCTION public.unseen_in(name text, told_apart boolean)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return substring(name collate "C" from case when told_apart then E'[\\u0001-\\u001F\\u007F-\\u009F\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u2800\\u3164\\uE000-\\uF8FF\\uFDD0-\\uFDEF\\uFE00-\\uFE0D\\uFEFF\\uFFA0\\uFFF0-\\uFFFC\\uFFFE\\uFFFF\\U00013430-\\U0001343F\\U0001BCA0-\\U0001BCA3\\U0001D159\\U0001D173-\\U0001D17A\\U000E0000-\\U000E0FFF\\U000F0000-\\U0010FFFF\\u200C\\u200D\\uFE0E\\uFE0F\\u00A0\\u1680\\u2000-\\u200A\\u202F\\u205F\\u3000]' else E'[\\u0001-\\u001F\\u007F-\\u009F\\u00AD\\u034F\\u061C\\u115F\\u1160\\u17B4\\u17B5\\u180B-\\u180F\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u206F\\u2800\\u3164\\uE000-\\uF8FF\\uFDD0-\\uFDEF\\uFE00-\\uFE0D\\uFEFF\\uFFA0\\uFFF0-\\uFFFC\\uFFFE\\uFFFF\\U00013430-\\U0001343F\\U0001BCA0-\\U0001BCA3\\U0001D159\\U0001D173-\\U0001D17A\\U000E0000-\\U000E0FFF\\U000F0000-\\U0010FFFF]' end);
        end
        $function$;

grant execute on function unseen_in(text,boolean) to app_user;

CREATE FUNCTION public.timezone_names(zone text)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    -- The current name of a zone, and its older names.
    renamed constant text := '
        Africa/Abidjan Africa/Timbuktu
        Africa/Asmara Africa/Asmera
        Africa/Cairo Egypt
        Africa/Tripoli Libya
        America/Adak America/Atka US/Aleutian
        America/Anchorage US/Alaska
        America/Argentina/Buenos_Aires America/Buenos_Aires
        America/Argentina/Catamarca America/Argentina/ComodRivadavia America/Catamarca
        America/Argentina/Cordoba America/Cordoba America/Rosario
        America/Argentina/Jujuy America/Jujuy
        America/Argentina/Mendoza America/Mendoza
        America/Chicago CST6CDT US/Central
        America/Denver America/Shiprock MST7MDT Navajo US/Mountain
        America/Detroit US/Michigan
        America/Edmonton America/Yellowknife Canada/Mountain
        America/Halifax Canada/Atlantic
        America/Havana Cuba
        America/Indiana/Indianapolis America/Fort_Wayne America/Indianapolis US/East-Indiana
        America/Indiana/Knox America/Knox_IN US/Indiana-Starke
        America/Iqaluit America/Pangnirtung
        America/Jamaica Jamaica
        America/Kentucky/Louisville America/Louisville
        America/Los_Angeles PST8PDT US/Pacific US/Pacific-New
        America/Manaus Brazil/West
        America/Mazatlan Mexico/BajaSur
        America/Mexico_City Mexico/General
        America/New_York EST5EDT US/Eastern
        America/Noronha Brazil/DeNoronha
        America/Nuuk America/Godthab
        America/Panama America/Coral_Harbour EST
        America/Phoenix MST US/Arizona
        America/Regina Canada/East-Saskatchewan Canada/Saskatchewan
        America/Rio_Branco America/Porto_Acre Brazil/Acre
        America/Santiago Chile/Continental
        America/Sao_Paulo Brazil/East
        America/St_Johns Canada/Newfoundland
        America/St_Thomas America/Virgin
        America/Tijuana America/Ensenada America/Santa_Isabel Mexico/BajaNorte
        America/Toronto America/Montreal America/Nipigon America/Thunder_Bay Canada/Eastern
        America/Vancouver Canada/Pacific
        America/Whitehorse Canada/Yukon
        America/Winnipeg America/Rainy_River Canada/Central
        Asia/Ashgabat Asia/Ashkhabad
        Asia/Dhaka Asia/Dacca
        Asia/Ho_Chi_Minh Asia/Saigon
        Asia/Hong_Kong Hongkong
        Asia/Jerusalem Asia/Tel_Aviv Israel
        Asia/Kathmandu Asia/Katmandu
        Asia/Kolkata Asia/Calcutta
        Asia/Macau Asia/Macao
        Asia/Makassar Asia/Ujung_Pandang
        Asia/Nicosia Europe/Nicosia
        Asia/Seoul ROK
        Asia/Shanghai Asia/Chongqing Asia/Chungking Asia/Harbin PRC
        Asia/Singapore Singapore
        Asia/Taipei ROC
        Asia/Tehran Iran
        Asia/Thimphu Asia/Thimbu
        Asia/Tokyo Japan
        Asia/Ulaanbaatar Asia/Choibalsan Asia/Ulan_Bator
        Asia/Urumqi Asia/Kashgar
        Asia/Yangon Asia/Rangoon
        Atlantic/Faroe Atlantic/Faeroe
        Atlantic/Reykjavik Iceland
        Australia/Adelaide Australia/South
        Australia/Brisbane Australia/Queensland
        Australia/Broken_Hill Australia/Yancowinna
        Australia/Darwin Australia/North
        Australia/Hobart Australia/Currie Australia/Tasmania
        Australia/Lord_Howe Australia/LHI
        Australia/Melbourne Australia/Victoria
        Australia/Perth Australia/West
        Australia/Sydney Australia/ACT Australia/Canberra Australia/NSW
        Etc/GMT Etc/GMT+0 Etc/GMT-0 Etc/GMT0 Etc/Greenwich GMT GMT+0 GMT-0 GMT0 Greenwich
        Europe/Athens EET
        Europe/Berlin Atlantic/Jan_Mayen
        Europe/Brussels CET MET
        Europe/Chisinau Europe/Tiraspol
        Europe/Dublin Eire
        Europe/Istanbul Asia/Istanbul Turkey
        Europe/Kyiv Europe/Kiev Europe/Uzhgorod Europe/Zaporozhye
        Europe/Lisbon Portugal WET
        Europe/London Europe/Belfast GB GB-Eire
        Europe/Moscow W-SU
        Europe/Warsaw Poland
        Pacific/Auckland Antarctica/South_Pole NZ
        Pacific/Chatham NZ-CHAT
        Pacific/Chuuk Pacific/Truk
        Pacific/Easter Chile/EasterIsland
        Pacific/Honolulu HST Pacific/Johnston US/Hawaii
        Pacific/Kanton Pacific/Enderbury
        Pacific/Kwajalein Kwajalein
        Pacific/Pago_Pago Pacific/Samoa US/Samoa
        Pacific/Pohnpei Pacific/Ponape
        Pacific/Port_Moresby Pacific/Yap
        UTC Etc/UCT Etc/UTC Etc/Universal Etc/Zulu UCT Universal Zulu
    ';
    -- A zone, and others whose clocks have shown the same since 1970 but which have their own names.
    alike constant text := '
        Africa/Abidjan Africa/Accra Africa/Bamako Africa/Banjul Africa/Conakry Africa/Dakar Africa/Freetown
        Africa/Abidjan Africa/Lome Africa/Nouakchott Africa/Ouagadougou Atlantic/Reykjavik Atlantic/St_Helena
        Africa/Johannesburg Africa/Maseru Africa/Mbabane
        Africa/Lagos Africa/Bangui Africa/Brazzaville Africa/Douala Africa/Kinshasa Africa/Libreville Africa/Luanda
        Africa/Lagos Africa/Malabo Africa/Niamey Africa/Porto-Novo
        Africa/Maputo Africa/Blantyre Africa/Bujumbura Africa/Gaborone Africa/Harare Africa/Kigali Africa/Lubumbashi
        Africa/Maputo Africa/Lusaka
        Africa/Nairobi Africa/Addis_Ababa Africa/Asmara Africa/Dar_es_Salaam Africa/Djibouti Africa/Kampala
        Africa/Nairobi Africa/Mogadishu Indian/Antananarivo Indian/Comoro Indian/Mayotte
        America/Panama America/Atikokan America/Cayman
        America/Phoenix America/Creston
        America/Puerto_Rico America/Anguilla America/Antigua America/Aruba America/Blanc-Sablon America/Curacao
        America/Puerto_Rico America/Dominica America/Grenada America/Guadeloupe America/Kralendijk
        America/Puerto_Rico America/Lower_Princes America/Marigot America/Montserrat America/Port_of_Spain
        America/Puerto_Rico America/St_Barthelemy America/St_Kitts America/St_Lucia America/St_Thomas
        America/Puerto_Rico America/St_Vincent America/Tortola
        America/Toronto America/Nassau
        Asia/Bangkok Asia/Phnom_Penh Asia/Vientiane Indian/Christmas
        Asia/Dubai Asia/Muscat Indian/Mahe Indian/Reunion
        Asia/Kuching Asia/Brunei
        Asia/Qatar Asia/Bahrain
        Asia/Riyadh Antarctica/Syowa Asia/Aden Asia/Kuwait
        Asia/Singapore Asia/Kuala_Lumpur
        Asia/Yangon Indian/Cocos
        Europe/Belgrade Europe/Ljubljana Europe/Podgorica Europe/Sarajevo Europe/Skopje Europe/Zagreb
        Europe/Berlin Arctic/Longyearbyen Europe/Copenhagen Europe/Oslo Europe/Stockholm
        Europe/Brussels Europe/Amsterdam Europe/Luxembourg
        Europe/Helsinki Europe/Mariehamn
        Europe/London Europe/Guernsey Europe/Isle_of_Man Europe/Jersey
        Europe/Paris Europe/Monaco
        Europe/Prague Europe/Bratislava
        Europe/Rome Europe/San_Marino Europe/Vatican
        Europe/Zurich Europe/Busingen Europe/Vaduz
        Indian/Maldives Indian/Kerguelen
        Pacific/Auckland Antarctica/McMurdo
        Pacific/Guadalcanal Pacific/Pohnpei
        Pacific/Guam Pacific/Saipan
        Pacific/Pago_Pago Pacific/Midway
        Pacific/Port_Moresby Antarctica/DumontDUrville Pacific/Chuuk
        Pacific/Tarawa Pacific/Funafuti Pacific/Majuro Pacific/Wake Pacific/Wallis
    ';
    -- PostgreSQL accepts a name in any case. Some systems list every zone again under posix/ and right/.
    wanted constant text := regexp_replace(lower(zone), '^(posix|right)/', '');
    given constant text := regexp_replace(zone, '^(posix|right)/', '', 'i');
    lines text[];
    current_name text;
begin
    lines := array(
        select btrim(line)
        from regexp_split_to_table(renamed, '\n') as line
        where wanted = any(string_to_array(lower(btrim(line)), ' '))
    );
    current_name := coalesce(split_part(lines[1], ' ', 1), given);
    return array[current_name, given]
        || coalesce(string_to_array(array_to_string(lines, ' '), ' '), '{}')
        || array(
            select split_part(btrim(line), ' ', 1)
            from regexp_split_to_table(alike, '\n') as line
            where lower(current_name) = any(string_to_array(lower(btrim(line)), ' '))
        );
end
$function$;

grant execute on function timezone_names(text) to app_user;

CREATE FUNCTION public.canonical_timezone(zone text)
 RETURNS text
 LANGUAGE plpgsql
 STABLE STRICT
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    if zone = 'UTC' then
        return zone;
    end if;
    return (
        select pg_timezone_names.name
        from unnest(timezone_names(zone)) with ordinality as candidate (name, place)
        inner join pg_timezone_names on lower(pg_timezone_names.name) = lower(candidate.name)
        where pg_timezone_names.name not in ('Factory', 'localtime', 'posixrules')
        order by candidate.place
        limit 1
    );
end
$function$;

grant execute on function canonical_timezone(text) to app_user;

CREATE FUNCTION public.local_clock(moment timestamp with time zone, zone text, day_starts_at integer)
 RETURNS timestamp without time zone
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    if zone is null or zone = 'UTC' then
        return timezone('UTC', moment) - day_starts_at * interval '1 hour';
    end if;
    begin
        return timezone(zone, moment) - day_starts_at * interval '1 hour';
    exception
        when invalid_parameter_value then
            return timezone('UTC', moment) - day_starts_at * interval '1 hour';
    end;
end
$function$;

grant execute on function local_clock(timestamp with time zone,text,integer) to app_user;

CREATE FUNCTION public.compose_names()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    unfit record;
begin
    new.email := normalize(new.email, NFC);
    new.username := normalize(new.username, NFC);
    new.first_name := nullif(btrim(normalize(new.first_name, NFC)), '');
    new.last_name := nullif(btrim(normalize(new.last_name, NFC)), '');

    for unfit in
        select
            given.field,
            upper(to_hex(ascii(unseen_in(given.name, given.told_apart)))) as letter
        from (
            values
            ('email', new.email, true),
            ('username', new.username, true),
            ('first_name', new.first_name, false),
            ('last_name', new.last_name, false)
        ) as given (field, name, told_apart)
        where unseen_in(given.name, given.told_apart) is not null
    loop
        raise exception
            '% contains the character U+%, which is invisible or changes how the text around it is shown',
            unfit.field, lpad(unfit.letter, greatest(char_length(unfit.letter), 4), '0')
            using errcode = 'ST101', constraint = 'users_names_seen', column = unfit.field,
            detail = jsonb_build_object('field', unfit.field), hint = 'Remove this character.';
    end loop;
    return new;
end
$function$;

CREATE FUNCTION public.refuse_unknown_timezone()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    given constant text := new.timezone;
begin
    -- A stored zone that the server no longer knows stays, so that the rest of the profile can be changed.
    if tg_op = 'UPDATE' and new.timezone is not distinct from old.timezone then
        return new;
    end if;
    new.timezone := canonical_timezone(given);
    if new.timezone is null and given is not null then
        raise exception 'unknown time zone "%"', given
            using errcode = 'ST102', constraint = 'user_profiles_timezone_known', column = 'timezone',
            detail = jsonb_build_object('field', 'timezone'),
            hint = 'Use a name from the IANA database, such as Europe/Lisbon.';
    end if;
    return new;
end
$function$;

CREATE FUNCTION public.search_configuration(language text)
 RETURNS regconfig
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    return case lower(split_part(language, '-', 1))
        when 'en' then 'english' when 'english' then 'english'
        when 'ar' then 'arabic' when 'arabic' then 'arabic'
        when 'hy' then 'armenian' when 'armenian' then 'armenian'
        when 'eu' then 'basque' when 'basque' then 'basque'
        when 'ca' then 'catalan' when 'catalan' then 'catalan'
        when 'da' then 'danish' when 'danish' then 'danish'
        when 'nl' then 'dutch' when 'dutch' then 'dutch'
        when 'fi' then 'finnish' when 'finnish' then 'finnish'
        when 'fr' then 'french' when 'french' then 'french'
        when 'de' then 'german' when 'german' then 'german'
        when 'el' then 'greek' when 'greek' then 'greek'
        when 'hi' then 'hindi' when 'hindi' then 'hindi'
        when 'hu' then 'hungarian' when 'hungarian' then 'hungarian'
        when 'id' then 'indonesian' when 'indonesian' then 'indonesian'
        when 'ga' then 'irish' when 'irish' then 'irish'
        when 'it' then 'italian' when 'italian' then 'italian'
        when 'lt' then 'lithuanian' when 'lithuanian' then 'lithuanian'
        when 'ne' then 'nepali' when 'nepali' then 'nepali'
        when 'no' then 'norwegian' when 'nb' then 'norwegian' when 'nn' then 'norwegian'
        when 'norwegian' then 'norwegian'
        when 'pt' then 'portuguese' when 'portuguese' then 'portuguese'
        when 'ro' then 'romanian' when 'romanian' then 'romanian'
        when 'ru' then 'russian' when 'russian' then 'russian'
        when 'sr' then 'serbian' when 'serbian' then 'serbian'
        when 'es' then 'spanish' when 'spanish' then 'spanish'
        when 'sv' then 'swedish' when 'swedish' then 'swedish'
        when 'ta' then 'tamil' when 'tamil' then 'tamil'
        when 'tr' then 'turkish' when 'turkish' then 'turkish'
        when 'yi' then 'yiddish' when 'yiddish' then 'yiddish'
        else 'simple'
    end::regconfig;
end
$function$;

grant execute on function search_configuration(text) to app_user;

CREATE FUNCTION public.fold_words(words text, is_document boolean)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    -- Thai to Myanmar, Khmer, kana, ideographs, Hangul syllables.
    unspaced constant text
    := '[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]';
    -- Symbols, dingbats, pictographs.
    symbol constant text := '[\u2600-\u27bf\U0001f000-\U0001faff]';
    folded text := words;
begin
    if octet_length(folded) = char_length(folded) then
        return lower(folded);
    end if;
    folded := regexp_replace(normalize(folded, nfkd), '([A-Za-zΑ-Ωα-ω])[\u0300-\u036f]+', '\1', 'g');
    folded := lower(normalize(folded, nfkc));
    folded := translate(replace(replace(replace(folded, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'øłđħı', 'oldhi');
    if folded !~ unspaced and folded !~ symbol then
        return folded;
    end if;
    return (
        select
            string_agg(
                case
                    when character.item ~ symbol then format(' symbol%s ', to_hex(ascii(character.item)))
                    when not character.is_unspaced then character.item
                    when character.next ~ unspaced then format(' %s%s ', character.item, character.next)
                    when is_document or character.previous !~ unspaced then format(' %s ', character.item)
                    else ' '
                end,
                '' order by character.place
            )
        from (
            select
                split.item,
                split.place,
                split.item ~ unspaced as is_unspaced,
                lag(split.item, 1, '') over (order by split.place) as previous,
                lead(split.item, 1, '') over (order by split.place) as next
            from regexp_split_to_table(folded, '') with ordinality as split (item, place)
        ) as character
    );
end
$function$;

grant execute on function fold_words(text,boolean) to app_user;

CREATE FUNCTION public.search_document_of(language text, name text, description text)
 RETURNS tsvector
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    configuration constant regconfig := search_configuration(language);
    folded_name constant text := fold_words(name, true);
    stems constant tsvector := to_tsvector(configuration, folded_name);
begin
    return setweight(stems, 'A')
        || setweight(ts_delete(to_tsvector('simple', folded_name), tsvector_to_array(stems)), 'A')
        || setweight(to_tsvector(configuration, fold_words(coalesce(description, ''), true)), 'B');
end
$function$;

grant execute on function search_document_of(text,text,text) to app_user;

CREATE FUNCTION public.search_query(language text, words text, is_begun boolean)
 RETURNS tsquery
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    configuration constant regconfig := search_configuration(language);
    folded constant text := fold_words(words, false);
    parts constant text[] := regexp_match(folded, '^(|.*\s)([^\s"'':&|!()*<>\\-]{2,}|[^\x01-\x7f])\s*$');
    asked tsquery := websearch_to_tsquery(configuration, folded);
begin
    -- After an odd number of quotes, the last word is in quotes.
    if is_begun and parts is not null and (length(parts[1]) - length(replace(parts[1], '"', ''))) % 2 = 0 then
        asked := asked || (
            websearch_to_tsquery(configuration, parts[1]) && to_tsquery('simple', quote_literal(parts[2]) || ':*')
        );
    end if;
    return asked;
end
$function$;

grant execute on function search_query(text,text,boolean) to app_user;

CREATE FUNCTION public.topological_levels(sources uuid[], targets uuid[])
 RETURNS TABLE(id uuid, level integer)
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET jit TO 'off'
AS $function$
declare
    nodes uuid[];
    levels integer[];
    open_targets integer[];
    incoming integer[];
    first_incoming integer[] := '{}';
    source_of integer[];
    queue integer[];
    next_edge integer := 1;
    head integer := 1;
    node integer;
    source integer;
begin
    if cardinality(sources) = 0 then
        return;
    end if;

    with
    node as (
        select
            found.id,
            row_number() over (order by found.id)::integer as number
        from (
            select source_id as id from unnest(sources) as source_id
            union
            select target_id as id from unnest(targets) as target_id
        ) as found
    ),

    edge as (
        select
            source.number as source,
            target.number as target
        from unnest(sources, targets) as pair (source_id, target_id)
        inner join node as source on source.id = pair.source_id
        inner join node as target on target.id = pair.target_id
    ),

    degree as (
        select
            node.id,
            node.number,
            coalesce(leaving.edges, 0) as leaving,
            coalesce(arriving.edges, 0) as arriving
        from node
        left join (select edge.source, count(*)::integer as edges from edge group by edge.source) as leaving
            on leaving.source = node.number
        left join (select edge.target, count(*)::integer as edges from edge group by edge.target) as arriving
            on arriving.target = node.number
    )

    select
        array_agg(degree.id order by degree.number),
        array_agg(null::integer),
        array_agg(degree.leaving order by degree.number),
        array_agg(degree.arriving order by degree.number),
        coalesce(array_agg(degree.number order by degree.number) filter (where degree.leaving = 0), '{}'),
        (select array_agg(edge.source order by edge.target) from edge)
    into nodes, levels, open_targets, incoming, queue, source_of
    from degree;

    for number in 1 .. cardinality(nodes) loop
        first_incoming[number] := next_edge;
        next_edge := next_edge + incoming[number];
    end loop;

    foreach node in array queue loop
        levels[node] := 0;
    end loop;

    while head <= cardinality(queue) loop
        node := queue[head];
        for edge in first_incoming[node] .. first_incoming[node] + incoming[node] - 1 loop
            source := source_of[edge];
            open_targets[source] := open_targets[source] - 1;
            if open_targets[source] = 0 then
                -- The queue is in the order of levels, so the target that is removed last has the highest level.
                levels[source] := levels[node] + 1;
                queue := array_append(queue, source);
            end if;
        end loop;
        head := head + 1;
    end loop;

    return query select result.id, result.level from unnest(nodes, levels) as result (id, level);
end
$function$;

grant execute on function topological_levels(uuid[],uuid[]) to app_user;

CREATE FUNCTION public.find_cycle(sources uuid[], targets uuid[])
 RETURNS uuid[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET jit TO 'off'
AS $function$
declare
    endless uuid[];
    next_of uuid[];
    node uuid;
    path uuid[] := '{}';
begin
    with endless_node as (
        select result.id
        from topological_levels(sources, targets) as result (id, level)
        where result.level is null
    ),

    next_step as (
        select distinct on (edge.source_id)
            edge.source_id,
            edge.target_id
        from unnest(sources, targets) as edge (source_id, target_id)
        inner join endless_node as source on source.id = edge.source_id
        inner join endless_node as target on target.id = edge.target_id
        order by edge.source_id, edge.target_id
    )

    select
        array_agg(next_step.source_id order by next_step.source_id),
        array_agg(next_step.target_id order by next_step.source_id)
    into endless, next_of
    from next_step;

    if endless is null then
        return null;
    end if;

    node := endless[1];
    while array_position(path, node) is null loop
        path := array_append(path, node);
        node := next_of[array_position(endless, node)];
    end loop;
    return path[array_position(path, node):] || node;
end
$function$;

grant execute on function find_cycle(uuid[],uuid[]) to app_user;

CREATE FUNCTION public.distances_from(start uuid, sources uuid[], targets uuid[])
 RETURNS TABLE(id uuid, distance integer)
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET jit TO 'off'
AS $function$
declare
    nodes uuid[];
    distances integer[];
    leaving integer[];
    first_leaving integer[] := '{}';
    target_of integer[];
    queue integer[];
    next_edge integer := 1;
    head integer := 1;
    node integer;
    target integer;
begin
    with
    node as (
        select
            found.id,
            row_number() over (order by found.id)::integer as number
        from (
            select start as id
            union
            select source_id as id from unnest(sources) as source_id
            union
            select target_id as id from unnest(targets) as target_id
        ) as found
    ),

    edge as (
        select
            source.number as source,
            target.number as target
        from unnest(sources, targets) as pair (source_id, target_id)
        inner join node as source on source.id = pair.source_id
        inner join node as target on target.id = pair.target_id
    ),

    degree as (
        select
            node.id,
            node.number,
            coalesce(leaving.edges, 0) as leaving
        from node
        left join (select edge.source, count(*)::integer as edges from edge group by edge.source) as leaving
            on leaving.source = node.number
    )

    select
        array_agg(degree.id order by degree.number),
        array_agg(null::integer),
        array_agg(degree.leaving order by degree.number),
        array_agg(degree.number) filter (where degree.id = start),
        (select array_agg(edge.target order by edge.source, edge.target) from edge)
    into nodes, distances, leaving, queue, target_of
    from degree;

    for number in 1 .. cardinality(nodes) loop
        first_leaving[number] := next_edge;
        next_edge := next_edge + leaving[number];
    end loop;

    distances[queue[1]] := 0;
    while head <= cardinality(queue) loop
        node := queue[head];
        for edge in first_leaving[node] .. first_leaving[node] + leaving[node] - 1 loop
            target := target_of[edge];
            if distances[target] is null then
                distances[target] := distances[node] + 1;
                queue := array_append(queue, target);
            end if;
        end loop;
        head := head + 1;
    end loop;

    return query
        select result.id, result.distance
        from unnest(nodes, distances) as result (id, distance)
        where result.distance is not null;
end
$function$;

grant execute on function distances_from(uuid,uuid[],uuid[]) to app_user;

CREATE FUNCTION public.way_to(start uuid, sources uuid[], targets uuid[], ends uuid[])
 RETURNS TABLE(id uuid, level integer)
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET jit TO 'off'
AS $function$
declare
    nodes uuid[];
    is_end boolean[];
    source_of integer[];
    target_of integer[];
    next_edge integer[] := '{}';
    last_edge integer[] := '{}';
    -- Null: not yet reached. True: reached. False: its edges are being followed or have been followed.
    is_ahead boolean[] := '{}';
    levels integer[];
    path integer[];
    place integer := 1;
    node integer;
    target integer;
begin
    if sources is null or cardinality(sources) = 0 then
        return query select start, 0;
        return;
    end if;

    -- Each node gets a number. The edges from a node are next to each other.
    with
    node as materialized (
        select
            found.id,
            row_number() over ()::integer as number
        from (
            select start as id
            union
            select source_id as id from unnest(sources) as source_id
            union
            select target_id as id from unnest(targets) as target_id
        ) as found
    ),

    edge as (
        select
            source.number as source,
            target.number as target
        from unnest(sources, targets) as pair (source_id, target_id)
        inner join node as source on source.id = pair.source_id
        inner join node as target on target.id = pair.target_id
        order by source.number
    )

    select
        (select array_agg(node.id order by node.number) from node),
        (
            select array_agg(node.id in (select end_id from unnest(ends) as end_id) order by node.number)
            from node
        ),
        (select array[node.number] from node where node.id = start),
        array_agg(edge.source),
        array_agg(edge.target)
    into nodes, is_end, path, source_of, target_of
    from edge;

    for edge in 1 .. cardinality(source_of) loop
        node := source_of[edge];
        if next_edge[node] is null then
            next_edge[node] := edge;
        end if;
        last_edge[node] := edge;
    end loop;

    is_ahead[path[1]] := true;
    while place <= cardinality(path) loop
        node := path[place];
        place := place + 1;
        continue when is_end[node] or next_edge[node] is null;
        for edge in next_edge[node] .. last_edge[node] loop
            target := target_of[edge];
            if is_ahead[target] is null then
                is_ahead[target] := true;
                path := array_append(path, target);
            end if;
        end loop;
    end loop;

    levels := array_fill(null::integer, array[cardinality(nodes)]);
    place := 1;
    is_ahead[path[1]] := false;
    while place > 0 loop
        node := path[place];
        if next_edge[node] <= last_edge[node] then
            target := target_of[next_edge[node]];
            if is_ahead[target] then
                is_ahead[target] := false;
                place := place + 1;
                path[place] := target;
            else
                next_edge[node] := next_edge[node] + 1;
                levels[node] := greatest(levels[node], levels[target] + 1);
            end if;
        else
            levels[node] := coalesce(levels[node], 0);
            place := place - 1;
        end if;
    end loop;

    return query
        select met.id, met.level
        from unnest(nodes, levels) as met (id, level)
        where met.level is not null;
end
$function$;

grant execute on function way_to(uuid,uuid[],uuid[],uuid[]) to app_user;

CREATE FUNCTION public.stamp_skill_graph_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    if tg_op = 'UPDATE' then
        if new.skill_tree_id <> old.skill_tree_id then
            raise exception 'skill % cannot move to another tree', old.id
                using errcode = 'ST207', constraint = 'skills_tree_fixed', detail = jsonb_build_array(old.id),
                hint = 'Learners may have progress on it. Create a skill in the other tree, and deactivate this one.';
        end if;
        if (new.id, new.dependencies, new.dependents, new.parent_skill_id)
            is not distinct from (old.id, old.dependencies, old.dependents, old.parent_skill_id)
        then
            new.graph_change := old.graph_change;
            return new;
        end if;
    end if;
    new.graph_change := array[
        (extract(epoch from now()) * 1000000)::bigint,
        pg_current_xact_id()::text::bigint,
        nextval('public.skill_graph_changes')
    ];
    return new;
end
$function$;

CREATE FUNCTION public.verify_skill_graph()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
 SET jit TO 'off'
AS $function$
declare
    changed_skill skills;
    this_moment constant bigint := (extract(epoch from now()) * 1000000)::bigint;
    this_transaction constant bigint := pg_current_xact_id()::text::bigint;
    wrong record;
    cycle uuid[];
begin
    if tg_op = 'DELETE' then
        changed_skill := old;
    else
        changed_skill := new;
    end if;

    -- The columns are compared and not the stamps, because a sequence that was reset could give two equal stamps.
    if tg_op = 'UPDATE'
        and (new.id, new.dependencies, new.dependents, new.parent_skill_id)
        is not distinct from (old.id, old.dependencies, old.dependents, old.parent_skill_id)
    then
        return null;
    end if;

    -- A snapshot that is older than the lock does not show what others have committed since.
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'the skill graph cannot be edited at isolation level %', current_setting('transaction_isolation')
            using errcode = 'ST301', constraint = 'skills_graph_isolation',
            hint = 'Edit it in a READ COMMITTED transaction.';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('skill graph ' || changed_skill.skill_tree_id, 0));

    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and new.id <> old.id) then
        select skills.id into wrong
        from skills
        where (skills.dependencies @> array[old.id] or skills.dependents @> array[old.id])
            and not exists (select from skills as remade where remade.id = old.id);
        if found then
            raise exception 'skill % no longer exists, but skill % still refers to it', old.id, wrong.id
                using errcode = 'ST204', constraint = 'skills_dependencies_exist',
                detail = jsonb_build_array(old.id), hint = 'Remove it from dependencies and dependents first.';
        end if;
    end if;
    if tg_op = 'DELETE' then
        return null;
    end if;

    -- If this transaction changes the same tree again later, the check of that change sees everything.
    if exists (
        select from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > new.graph_change
            and skills.graph_change < array[this_moment, this_transaction + 1]
    ) then
        return null;
    end if;

    with
    changed as (
        select skills.id, skills.dependencies, skills.dependents
        from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > array[this_moment, this_transaction]
            and skills.graph_change < array[this_moment, this_transaction + 1]
    ),

    named as (
        select changed.id as skill_id, dependency.id as other_id
        from changed cross join unnest(changed.dependencies) as dependency (id)
        union
        select changed.id as skill_id, dependent.id as other_id
        from changed cross join unnest(changed.dependents) as dependent (id)
    )

    select
        min(named.skill_id::text) as skill_id,
        jsonb_agg(distinct named.other_id) as missing
    into wrong
    from named
    left join skills on skills.id = named.other_id
    where skills.skill_tree_id is distinct from new.skill_tree_id;
    if wrong.missing is not null then
        raise exception 'skill % refers to skills that are not in its tree', wrong.skill_id
            using errcode = 'ST204', constraint = 'skills_dependencies_exist', detail = wrong.missing,
            hint = 'Dependencies and dependents must be ids of skills of the same tree.';
    end if;

    -- A cycle through a changed skill contains only skills that lead to it, so only those are read.
    with recursive
    leading_to as (
        select skills.id, skills.dependencies
        from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > array[this_moment, this_transaction]
            and skills.graph_change < array[this_moment, this_transaction + 1]
            and skills.dependencies <> '{}'
            and (skills.dependents <> '{}' or skills.dependencies @> array[skills.id])
        union
        select skills.id, skills.dependencies
        from leading_to
        cross join unnest(leading_to.dependencies) as dependency (id)
        inner join skills on skills.id = dependency.id
    )

    select find_cycle(
        coalesce(array_agg(leading_to.id), '{}'),
        coalesce(array_agg(dependency.id), '{}')
    )
    into cycle
    from leading_to
    cross join unnest(leading_to.dependencies) as dependency (id);
    if cycle is not null then
        raise exception 'dependency cycle: %', (
            select string_agg(skills.name, ' → ' order by step.place) || case when cardinality(cycle) > 12 then ' → …' else '' end
            from unnest(cycle[:12]) with ordinality as step (id, place)
            inner join skills on skills.id = step.id
        )
            using errcode = 'ST201', constraint = 'skills_dependencies_acyclic', detail = to_jsonb(cycle),
            hint = 'Each skill of the path needs the next one. Remove one of these dependencies.';
    end if;

    with
    changed as (
        select skills.id, skills.dependencies, skills.dependents
        from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > array[this_moment, this_transaction]
            and skills.graph_change < array[this_moment, this_transaction + 1]
    ),

    one_sided as (
        select changed.id as skill_id, skills.id as dependency_id
        from changed
        inner join skills on skills.id = any(changed.dependencies)
        where changed.id <> all(skills.dependents)
        union all
        select skills.id as skill_id, changed.id as dependency_id
        from changed
        inner join skills on skills.id = any(changed.dependents)
        where changed.id <> all(skills.dependencies)
        union all
        select changed.id as skill_id, skills.id as dependency_id
        from changed
        inner join skills on skills.dependents @> array[changed.id]
        where skills.id <> all(changed.dependencies)
        union all
        select skills.id as skill_id, changed.id as dependency_id
        from changed
        inner join skills on skills.dependencies @> array[changed.id]
        where skills.id <> all(changed.dependents)
    )

    select one_sided.skill_id, one_sided.dependency_id into wrong
    from one_sided
    order by one_sided.skill_id, one_sided.dependency_id
    limit 1;
    if found then
        raise exception 'dependencies of skill % and dependents of skill % do not agree',
            wrong.skill_id, wrong.dependency_id
            using errcode = 'ST206', constraint = 'skills_dependents_inverse',
            detail = jsonb_build_array(wrong.skill_id, wrong.dependency_id),
            hint = 'Write dependencies of the one and dependents of the other in the same transaction.';
    end if;

    with recursive
    above as (
        select skills.id, skills.parent_skill_id
        from skills
        where skills.skill_tree_id = new.skill_tree_id
            and skills.graph_change > array[this_moment, this_transaction]
            and skills.graph_change < array[this_moment, this_transaction + 1]
            and skills.parent_skill_id is not null
        union
        select skills.id, skills.parent_skill_id
        from above
        inner join skills on skills.id = above.parent_skill_id
        where skills.parent_skill_id is not null
    )

    select find_cycle(
        coalesce(array_agg(above.id), '{}'),
        coalesce(array_agg(above.parent_skill_id), '{}')
    )
    into cycle
    from above;
    if cycle is not null then
        raise exception 'parent cycle: %', (
            select string_agg(skills.name, ' → ' order by step.place) || case when cardinality(cycle) > 12 then ' → …' else '' end
            from unnest(cycle[:12]) with ordinality as step (id, place)
            inner join skills on skills.id = step.id
        )
            using errcode = 'ST202', constraint = 'skills_parents_acyclic', detail = to_jsonb(cycle),
            hint = 'Each skill of the path is a child of the next one. Give one of them another parent.';
    end if;

    return null;
end
$function$;

CREATE FUNCTION public.verify_tree_prerequisites()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    wrong record;
    cycle uuid[];
begin
    if tg_op = 'UPDATE' and new.id = old.id and new.prerequisites = old.prerequisites then
        return null;
    end if;

    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'tree prerequisites cannot be edited at isolation level %',
            current_setting('transaction_isolation')
            using errcode = 'ST301', constraint = 'skill_trees_graph_isolation',
            hint = 'Edit them in a READ COMMITTED transaction.';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('tree prerequisites', 0));

    if tg_op <> 'INSERT' then
        select skill_trees.id into wrong
        from skill_trees
        where skill_trees.prerequisites @> array[old.id]
            and not exists (select from skill_trees as still where still.id = old.id)
        order by skill_trees.id
        limit 1;
        if found then
            raise exception 'tree % no longer exists, but is still a prerequisite of tree %', old.id, wrong.id
                using errcode = 'ST205', constraint = 'skill_trees_prerequisites_exist',
                detail = jsonb_build_array(old.id), hint = 'Remove it from the prerequisites first.';
        end if;
    end if;
    if tg_op = 'DELETE' then
        return null;
    end if;

    select jsonb_agg(prerequisite.id) as missing into wrong
    from skill_trees
    cross join unnest(skill_trees.prerequisites) as prerequisite (id)
    where skill_trees.id = new.id
        and not exists (select from skill_trees as known where known.id = prerequisite.id);
    if wrong.missing is not null then
        raise exception 'tree % has prerequisites that do not exist', new.id
            using errcode = 'ST205', constraint = 'skill_trees_prerequisites_exist',
            detail = wrong.missing, hint = 'Prerequisites must be ids of trees.';
    end if;

    with recursive
    leading_to as (
        select skill_trees.id, skill_trees.prerequisites
        from skill_trees
        where skill_trees.id = new.id
        union
        select skill_trees.id, skill_trees.prerequisites
        from leading_to
        cross join unnest(leading_to.prerequisites) as prerequisite (id)
        inner join skill_trees on skill_trees.id = prerequisite.id
    )

    select find_cycle(
        coalesce(array_agg(leading_to.id), '{}'),
        coalesce(array_agg(prerequisite.id), '{}')
    )
    into cycle
    from leading_to
    cross join unnest(leading_to.prerequisites) as prerequisite (id);
    if cycle is not null then
        raise exception 'prerequisite cycle: %', (
            select string_agg(skill_trees.name, ' → ' order by step.place) || case when cardinality(cycle) > 12 then ' → …' else '' end
            from unnest(cycle[:12]) with ordinality as step (id, place)
            inner join skill_trees on skill_trees.id = step.id
        )
            using errcode = 'ST203', constraint = 'skill_trees_prerequisites_acyclic',
            detail = to_jsonb(cycle),
            hint = 'Each tree of the path needs the next one. Remove one of these prerequisites.';
    end if;

    return null;
end
$function$;

CREATE FUNCTION public.check_current_path()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    missing jsonb;
begin
    select jsonb_agg(step.id)
    into missing
    from unnest(new.current_path) as step (id)
    left join skills on skills.id = step.id and skills.skill_tree_id = new.skill_tree_id
    where skills.id is null;
    if missing is not null then
        raise exception 'current_path contains skills that are not in tree %', new.skill_tree_id
            using errcode = 'ST208', constraint = 'user_skill_tree_progress_current_path_exist',
            detail = missing, hint = 'A path must consist of ids of skills of the same tree.';
    end if;
    return null;
end
$function$;

CREATE FUNCTION public.late_window()
 RETURNS interval
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    given text := nullif(current_setting('skilltree.late_window', true), '');
    late_window interval := interval '7 days';
begin
    if given is not null then
        begin
            late_window := given::interval;
        exception
            when data_exception then
                raise exception 'skilltree.late_window is not an interval: "%"', given
                    using errcode = 'ST103', hint = 'Set it to an interval such as ''14 days''.';
        end;
        if late_window < interval '0' then
            raise exception 'skilltree.late_window is negative: "%"', given
                using errcode = 'ST103', hint = 'Set it to an interval such as ''14 days''.';
        end if;
    end if;
    -- A longer window would have no effect, because times before the year 2000 are refused anyway. And now() minus the
    -- window could overflow.
    return least(late_window, interval '100 years');
end
$function$;

grant execute on function late_window() to app_service;

grant execute on function late_window() to app_user;

CREATE FUNCTION public.judge_moment(moment timestamp with time zone, joined_at timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    if moment = now() then
        return null;
    end if;
    if moment > now() + interval '1 minute' then
        return 'IN_FUTURE';
    end if;
    if moment < timestamptz '2000-01-01 00:00:00+00' then
        return 'TOO_OLD';
    end if;
    if current_user in ('app_user', 'app_engine')
        and (moment < now() - late_window() or moment < joined_at - interval '1 minute')
    then
        return 'TOO_OLD';
    end if;
    return null;
end
$function$;

grant execute on function judge_moment(timestamp with time zone,timestamp with time zone) to app_service;

grant execute on function judge_moment(timestamp with time zone,timestamp with time zone) to app_user;

CREATE FUNCTION public.refuse_old_snapshot()
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
        raise exception 'progress cannot be changed at isolation level %', current_setting('transaction_isolation')
            using errcode = 'ST301', constraint = 'progress_isolation',
            hint = 'Change it in a READ COMMITTED transaction.';
    end if;
end
$function$;

grant execute on function refuse_old_snapshot() to app_user;

CREATE FUNCTION public.tree_of_skill(skill_id uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    return (
        select skills.skill_tree_id
        from skills
        where skills.id = tree_of_skill.skill_id
    );
end
$function$;

grant execute on function tree_of_skill(uuid) to app_engine;

CREATE FUNCTION public.tree_of_slug(slug text)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    return (
        select skill_trees.id
        from skill_trees
        where skill_trees.slug = tree_of_slug.slug
    );
end
$function$;

grant execute on function tree_of_slug(text) to app_service;

CREATE FUNCTION public.hold_tree_as_learner(tree_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    tree_key constant bigint := hashtextextended('learners of tree ' || tree_id, 0);
begin
    perform refuse_old_snapshot();
    if exists (
        select from begun_trees
        where begun_trees.skill_tree_id = hold_tree_as_learner.tree_id
    ) then
        perform pg_advisory_xact_lock_shared(tree_key);
    else
        perform pg_advisory_xact_lock(tree_key);
    end if;
end
$function$;

grant execute on function hold_tree_as_learner(uuid) to app_engine;

CREATE FUNCTION public.hold_trees_of_learner(user_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    own_tree record;
begin
    for own_tree in
        select user_skill_tree_progress.skill_tree_id as id
        from user_skill_tree_progress
        where user_skill_tree_progress.user_id = hold_trees_of_learner.user_id
        union
        select user_skill_progress.skill_tree_id
        from user_skill_progress
        where user_skill_progress.user_id = hold_trees_of_learner.user_id
        union
        -- The progress may have the wrong tree.
        select skills.skill_tree_id
        from user_skill_progress
        inner join skills on skills.id = user_skill_progress.skill_id
        where user_skill_progress.user_id = hold_trees_of_learner.user_id
        order by id
    loop
        perform hold_tree_as_learner(own_tree.id);
    end loop;
end
$function$;

grant execute on function hold_trees_of_learner(uuid) to app_service;

CREATE FUNCTION public.hold_learner(user_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    perform
    from user_profiles
    where user_profiles.user_id = hold_learner.user_id
    for no key update;
end
$function$;

grant execute on function hold_learner(uuid) to app_service;

CREATE FUNCTION public.hold_off_learners(tree_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET lock_timeout TO '150ms'
AS $function$
declare
    tree_key constant bigint := hashtextextended('learners of tree ' || tree_id, 0);
    patience constant interval := '2 s';
    waiting_since constant timestamptz := clock_timestamp();
begin
    while not pg_try_advisory_xact_lock(tree_key) loop
        begin
            perform pg_advisory_xact_lock(tree_key);
            return;
        exception
            when lock_not_available then
                if exists (
                    select from pg_locks
                    where pg_locks.locktype = 'advisory'
                        and pg_locks.pid = pg_backend_pid()
                        and pg_locks.objsubid = 1
                        and (pg_locks.classid::bigint << 32) | pg_locks.objid::bigint = tree_key
                        and pg_locks.granted
                ) then
                    -- PostgreSQL's own code, because it is a deadlock: other clients, too, know that they may try again.
                    raise exception 'several authors were editing tree % when its first learner started it', tree_id
                        using errcode = 'deadlock_detected', hint = 'Nothing was written. Try again.';
                end if;
                if clock_timestamp() > waiting_since + patience then
                    raise exception 'timed out waiting for other sessions that work in tree % (% s)',
                        tree_id, extract(epoch from patience)::integer
                        using errcode = 'ST302', constraint = 'learners_of_tree_held',
                        hint = 'Nothing was written. Try again in a moment.';
                end if;
        end;
        perform pg_sleep(0.1);
    end loop;
end
$function$;

grant execute on function hold_off_learners(uuid) to app_service;

CREATE FUNCTION public.wait_briefly()
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    if current_setting('lock_timeout')::interval not between '1 ms' and '500 ms' then
        set local lock_timeout = '500ms';
    end if;
end
$function$;

grant execute on function wait_briefly() to app_service;

CREATE FUNCTION public.hold_edits(tree_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    tree_slug constant text := (
        select skill_trees.slug
        from skill_trees
        where skill_trees.id = hold_edits.tree_id
    );
begin
    perform pg_advisory_xact_lock(hashtextextended('edit tree ' || tree_slug, 0));
end
$function$;

grant execute on function hold_edits(uuid) to app_service;

CREATE FUNCTION public.hold_tree_as_author(tree_id uuid, is_alone boolean DEFAULT false)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
declare
    tree_key constant bigint := hashtextextended('learners of tree ' || tree_id, 0);
begin
    perform refuse_old_snapshot();
    -- Twice: the first learner may have come while the first turn waited.
    for turn in 1..2 loop
        perform from begun_trees where begun_trees.skill_tree_id = hold_tree_as_author.tree_id;
        if not found then
            perform from user_skill_tree_progress
            where user_skill_tree_progress.skill_tree_id = hold_tree_as_author.tree_id
            limit 1;
        end if;
        if not found then
            perform from user_skill_progress
            where user_skill_progress.skill_tree_id = hold_tree_as_author.tree_id
            limit 1;
        end if;
        if found then
            perform hold_edits(tree_id);
            perform hold_off_learners(tree_id);
            perform wait_briefly();
            return;
        end if;
        if is_alone then
            perform pg_advisory_xact_lock(tree_key);
        else
            perform pg_advisory_xact_lock_shared(tree_key);
        end if;
    end loop;
end
$function$;

grant execute on function hold_tree_as_author(uuid,boolean) to app_service;

CREATE FUNCTION public.streak_goes_on(last_on date, last_at timestamp with time zone, last_offset interval, moment timestamp with time zone, clock timestamp without time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    return coalesce(
        clock::date <= last_on + 1
        or moment - last_at <= interval '24 hours'
        or (
            moment - last_at <= interval '36 hours'
            and clock - timezone('UTC', moment) - last_offset >= interval '12 hours'
        ),
        false
    );
end
$function$;

grant execute on function streak_goes_on(date,timestamp with time zone,interval,timestamp with time zone,timestamp without time zone) to app_user;

CREATE FUNCTION public.next_day(streak integer, started_at timestamp with time zone, longest integer, last_on date, last_at timestamp with time zone, last_offset interval, moment timestamp with time zone, clock timestamp without time zone)
 RETURNS public.streak_step
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    is_counted boolean;
begin
    if not streak_goes_on(last_on, last_at, last_offset, moment, clock) then
        return row(1, moment, greatest(longest, 1), true, 0);
    end if;
    is_counted := coalesce(moment >= started_at + (streak - 1) * interval '24 hours' - interval '2 hours', true);
    return row(
        streak + is_counted::integer,
        case when is_counted and moment < started_at then moment else started_at end,
        greatest(longest, streak + is_counted::integer),
        is_counted,
        clock::date - last_on - 1
    );
end
$function$;

grant execute on function next_day(integer,timestamp with time zone,integer,date,timestamp with time zone,interval,timestamp with time zone,timestamp without time zone) to app_engine;

CREATE FUNCTION public.late_day(days date[], moments timestamp with time zone[], counted boolean[], late_on date, late_at timestamp with time zone)
 RETURNS public.streak_step
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE STRICT
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    is_new constant boolean := late_on <> all(days);
    step streak_step;
begin
    if is_new then
        days := days || late_on;
        moments := moments || late_at;
        counted := counted || true;
    end if;
    -- The second attempt runs if the new day turns out not to count.
    for attempt in 1 .. 2 loop
        select
            (array_agg(run.days order by run.ends_on desc))[1],
            (array_agg(run.starts_at order by run.ends_on desc))[1],
            max(run.days),
            bool_and(
                late_on not between run.begins_on and run.ends_on
                or run.until - run.starts_at >= (run.days - 2) * interval '24 hours' - interval '2 hours'
            ),
            0
        into step
        from (
            select
                min(numbered.day) as begins_on,
                max(numbered.day) as ends_on,
                count(*) filter (where numbered.is_counted)::integer as days,
                min(numbered.moment) filter (where numbered.is_counted) as starts_at,
                max(numbered.moment) filter (where numbered.is_counted) as until
            from (
                select
                    known.day,
                    coalesce(known.moment, timezone('UTC', known.day::timestamp)) as moment,
                    known.is_counted,
                    known.day - row_number() over (order by known.day)::integer as run
                from unnest(days, moments, counted) as known (day, moment, is_counted)
            ) as numbered
            group by numbered.run
        ) as run;
        exit when step.is_counted or not is_new;
        counted[array_position(days, late_on)] := false;
    end loop;
    step.is_counted := counted[array_position(days, late_on)];
    return step;
end
$function$;

grant execute on function late_day(date[],timestamp with time zone[],boolean[],date,timestamp with time zone) to app_engine;

CREATE FUNCTION public.longest_streak(days date[], joining date[])
 RETURNS integer
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    return (
        select max(run.days)
        from (
            select count(*) filter (where numbered.day <> all(joining))::integer as days
            from (
                select
                    known.day,
                    known.day - row_number() over (order by known.day)::integer as run
                from (
                    select unnest(days) as day
                    union
                    select unnest(joining) as day
                ) as known
            ) as numbered
            group by numbered.run
        ) as run
    );
end
$function$;

grant execute on function longest_streak(date[],date[]) to app_user;

CREATE FUNCTION public.leaderboard_moves(before bigint, after bigint)
 RETURNS TABLE(level integer, bucket bigint, changes integer[])
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    nothing constant integer[] := array_fill(0, array[64]);
begin
    for node in 0 .. 10 loop
        exit when coalesce(before, 0) >> (6 * node) = coalesce(after, 0) >> (6 * node);
        level := node;
        if before is not null and (node = 0 or (before >> (6 * node)) & 63 > 0) then
            bucket := (before >> (6 * node)) >> 6;
            changes := nothing;
            changes[((before >> (6 * node)) & 63) + 1] := -1;
            if (after >> (6 * node)) >> 6 = bucket and (node = 0 or (after >> (6 * node)) & 63 > 0) then
                changes[((after >> (6 * node)) & 63) + 1] := 1;
                return next;
                continue;
            end if;
            return next;
        end if;
        if after is not null and (node = 0 or (after >> (6 * node)) & 63 > 0) then
            bucket := (after >> (6 * node)) >> 6;
            changes := nothing;
            changes[((after >> (6 * node)) & 63) + 1] := 1;
            return next;
        end if;
    end loop;
end
$function$;

grant execute on function leaderboard_moves(bigint,bigint) to app_user;

CREATE FUNCTION public.add_counts(counts integer[], changes integer[])
 RETURNS integer[]
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    for position in 1 .. 64 loop
        if changes[position] <> 0 then
            counts[position] := counts[position] + changes[position];
        end if;
    end loop;
    return counts;
end
$function$;

grant execute on function add_counts(integer[],integer[]) to app_user;

CREATE FUNCTION public.hold_session(user_id uuid, session_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    perform
    from user_sessions
    where
        user_sessions.user_id = hold_session.user_id
        and user_sessions.id = hold_session.session_id
    for no key update skip locked;
    return found;
end
$function$;

grant execute on function hold_session(uuid,uuid) to app_service;

CREATE FUNCTION public.own_identifiers()
 RETURNS bytea[]
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    return (
        select
            array[
                sha256(convert_to(fold_name(users.email), 'UTF8')),
                sha256(convert_to(users.id::text, 'UTF8'))
            ]
        from users
        where users.id = nullif(current_setting('app.current_user_id', true), '')::uuid
    );
end
$function$;

grant execute on function own_identifiers() to app_user;

CREATE FUNCTION public.begin_as_user(user_id uuid, is_acting boolean DEFAULT false)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    perform set_config('role', case when is_acting then 'app_engine' else 'app_user' end, true);
    execute format('set local app.current_user_id = %L', coalesce(user_id::text, ''));
    execute 'set local app.actor_id = ''''';
end
$function$;

grant execute on function begin_as_user(uuid,boolean) to app_user;

CREATE FUNCTION public.begin_as_service(actor_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    wanted text;
begin
    perform set_config('role', 'app_service', true);
    execute 'set local app.current_user_id = ''''';
    execute format('set local app.actor_id = %L', coalesce(actor_id::text, ''));
    -- A setting for this database overrides one for all databases, so it is applied last.
    for wanted in
        select setting
        from pg_db_role_setting
        cross join unnest(pg_db_role_setting.setconfig) as setting
        where
            pg_db_role_setting.setrole = 'app_service'::regrole
            and pg_db_role_setting.setdatabase in (
                0, (select pg_database.oid from pg_database where pg_database.datname = current_database())
            )
            and setting ~ '^(statement|lock)_timeout='
        order by pg_db_role_setting.setdatabase
    loop
        execute format('set local %I = %L', split_part(wanted, '=', 1), split_part(wanted, '=', 2));
    end loop;
end
$function$;

grant execute on function begin_as_service(uuid) to app_user;

CREATE FUNCTION public.is_in_tree(tree_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
    learner constant uuid := nullif(current_setting('app.current_user_id', true), '')::uuid;
begin
    return exists (
        select 1 from user_skill_tree_progress
        where
            user_skill_tree_progress.user_id = learner
            and user_skill_tree_progress.skill_tree_id = is_in_tree.tree_id
    );
end
$function$;

grant execute on function is_in_tree(uuid) to app_user;

CREATE FUNCTION public.ensure_audit_partitions(months_ahead integer)
 RETURNS SETOF text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET lock_timeout TO '5s'
 SET row_security TO 'on'
AS $function$
declare
    month timestamp;
    partition_name text;
begin
    perform pg_advisory_xact_lock(hashtextextended('partitions of audit_log', 0));
    -- This lock comes first. Otherwise a new row in the default partition could prevent attaching the partition for its
    -- month.
    lock table audit_log_default in access exclusive mode;
    for month in
        select date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead)
        from generate_series(0, months_ahead) as ahead
        union
        select date_trunc('month', audit_log_default.occurred_at at time zone 'UTC')
        from audit_log_default
        order by 1
    loop
        partition_name := to_char(month, '"audit_log_"YYYY"_"MM');
        continue when to_regclass(partition_name) is not null;
        execute format('create table public.%I (like audit_log including defaults)', partition_name);
        execute format(
            $move$
            with moved_entry as (
                delete from audit_log_default
                where audit_log_default.occurred_at >= %L and audit_log_default.occurred_at < %L
                returning
                    subject_id, occurred_at, id, table_name, action, row_keys,
                    actor_id, role_name, transaction_id, before, after
            )

            insert into %I (
                subject_id, occurred_at, id, table_name, action, row_keys,
                actor_id, role_name, transaction_id, before, after
            )
            select
                subject_id, occurred_at, id, table_name, action, row_keys,
                actor_id, role_name, transaction_id, before, after
            from moved_entry
            $move$,
            month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC', partition_name
        );
        execute format(
            'alter table audit_log attach partition %I for values from (%L) to (%L)',
            partition_name, month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC'
        );
        call protect_audit_partition(partition_name);
        return next partition_name;
    end loop;
end
$function$;

grant execute on function ensure_audit_partitions(integer) to app_service;

CREATE FUNCTION public.drop_audit_partitions(months_kept integer)
 RETURNS SETOF text
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET lock_timeout TO '5s'
AS $function$
declare
    first_kept constant timestamp := date_trunc('month', now() at time zone 'UTC')
        - make_interval(months => months_kept);
    partition_name text;
begin
    perform pg_advisory_xact_lock(hashtextextended('partitions of audit_log', 0));
    for partition_name in
        select pg_class.relname
        from pg_inherits
        inner join pg_class on pg_class.oid = pg_inherits.inhrelid
        where pg_inherits.inhparent = 'audit_log'::regclass
            and pg_class.relname < to_char(first_kept, '"audit_log_"YYYY"_"MM')
            and pg_class.relname <> 'audit_log_default'
        order by pg_class.relname
    loop
        execute format('drop table %I', partition_name);
        return next partition_name;
    end loop;
    delete from shared_audit_log where shared_audit_log.occurred_at < first_kept at time zone 'UTC';
    delete from audit_log_default where audit_log_default.occurred_at < first_kept at time zone 'UTC';
end
$function$;

CREATE FUNCTION public.drop_audit_partitions_before(months_kept integer)
 RETURNS SETOF text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
 SET lock_timeout TO '5s'
AS $function$
begin
    if months_kept is null or months_kept < 1 then
        raise exception 'the audit trail must be kept for at least 1 month, not %', months_kept
            using errcode = 'ST103', hint = 'Give the number of months to keep.';
    end if;
    return query select partition.name from drop_audit_partitions(months_kept) as partition (name);
end
$function$;

grant execute on function drop_audit_partitions_before(integer) to app_service;

CREATE FUNCTION public.anonymise_audit(learner uuid, nobody uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$
declare
    -- The trail of accounts is apart on a distributed server. There, forget_entries removes all other entries: this
    -- function works for the owner, with whom Citus would connect to the other servers again.
    is_apart constant boolean := exists (
        select 1 from shared_audit_log
        where shared_audit_log.subject_id = learner
            and shared_audit_log.occurred_at > now() - interval '1 day'
            and shared_audit_log.transaction_id = pg_current_xact_id()
            and shared_audit_log.table_name = 'users'
            and shared_audit_log.action = 'DELETE'
    );
    is_there constant boolean := exists (select 1 from users where users.id = learner);
    is_placeholder constant boolean := exists (
        select 1 from users
        where users.id = nobody
            and not users.is_active
            and users.email = 'deleted-' || nobody || '@deleted.invalid'
            and users.password_hash = '$2b$04$' || repeat('.', 53)
    );
    no_subject constant uuid := '00000000-0000-0000-0000-000000000000';
    erasure constant jsonb := jsonb_build_object(
        'account_hash', encode(sha256(convert_to(learner::text, 'UTF8')), 'hex'),
        'is_kept', nobody is not null
    );
    is_deleted boolean := is_apart;
    is_created boolean := exists (
        select 1 from shared_audit_log
        where shared_audit_log.subject_id = nobody
            and shared_audit_log.occurred_at > now() - interval '1 day'
            and shared_audit_log.transaction_id = pg_current_xact_id()
            and shared_audit_log.table_name = 'users'
            and shared_audit_log.action = 'INSERT'
    );
begin
    if not is_apart then
        is_deleted := exists (
            select 1 from audit_log
            where audit_log.subject_id = learner
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.table_name = 'users'
                and audit_log.action = 'DELETE'
        );
        is_created := exists (
            select 1 from audit_log
            where audit_log.subject_id = nobody
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.table_name = 'users'
                and audit_log.action = 'INSERT'
        );
    end if;
    if is_there or not is_deleted then
        raise exception 'the audit trail of account % cannot be removed: this transaction does not delete it', learner
            using errcode = 'ST401', hint = 'Use users.erase or users.delete.';
    end if;
    if nobody is not null and not (is_placeholder and is_created) then
        raise exception
            'the audit trail of account % cannot be removed: it is no placeholder created in this transaction', nobody
            using errcode = 'ST401', hint = 'Use users.erase.';
    end if;

    delete from shared_audit_log where shared_audit_log.subject_id in (learner, nobody);

    update shared_audit_log
    set actor_id = null
    where shared_audit_log.actor_id = learner
        and shared_audit_log.actor_id <> shared_audit_log.subject_id;

    if is_apart then
        insert into shared_audit_log (subject_id, table_name, action, row_keys, after)
        values (no_subject, 'users', 'ANONYMISE', array[no_subject::text], erasure);
        return;
    end if;

    delete from audit_log where audit_log.subject_id in (learner, nobody);

    update audit_log
    set actor_id = null
    where audit_log.actor_id = learner
        and audit_log.actor_id <> audit_log.subject_id;

    insert into audit_log (subject_id, table_name, action, row_keys, after)
    values (no_subject, 'users', 'ANONYMISE', array[no_subject::text], erasure);
end
$function$;

grant execute on function anonymise_audit(uuid,uuid) to app_service;

CREATE FUNCTION public.refuse_truncate()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    raise exception 'table % cannot be truncated: the audit trail would not record its rows', tg_argv[0]
        using errcode = 'ST401', hint = 'Use delete.';
end
$function$;

CREATE FUNCTION public.is_first_copy()
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
    if to_regclass('pg_catalog.pg_dist_local_group') is null then
        return true;
    end if;
    return (select pg_dist_local_group.groupid = 0 from pg_dist_local_group);
end
$function$;

grant execute on function is_first_copy() to app_user;

CREATE FUNCTION public.forget_entries(subject uuid, learner uuid, nobody uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$
declare
    is_there constant boolean := exists (select 1 from users where users.id = learner);
    is_placeholder constant boolean := exists (
        select 1 from users
        where users.id = nobody
            and not users.is_active
            and users.email = 'deleted-' || nobody || '@deleted.invalid'
            and users.password_hash = '$2b$04$' || repeat('.', 53)
    );
    is_distributed boolean := false;
    is_proven boolean := true;
begin
    if to_regclass('pg_catalog.pg_dist_partition') is not null then
        is_distributed := exists (
            select 1 from pg_dist_partition where pg_dist_partition.logicalrelid = 'audit_log'::regclass
        );
    end if;
    if is_distributed and subject = learner then
        is_proven := exists (
            select 1 from audit_log
            where audit_log.subject_id = subject
                and audit_log.occurred_at > now() - interval '1 day'
                and audit_log.transaction_id = pg_current_xact_id()
                and audit_log.action = 'DELETE'
        );
    elsif subject = nobody then
        is_proven := is_placeholder;
    end if;
    if is_there or not is_distributed or not is_proven then
        raise exception 'the audit trail of account % cannot be removed: this transaction does not delete it', learner
            using errcode = 'ST401', hint = 'Use users.erase or users.delete.';
    end if;
    if subject = learner then
        delete from audit_log where audit_log.subject_id = subject;
    elsif subject = nobody then
        delete from audit_log
        where audit_log.subject_id = subject
            and audit_log.transaction_id = pg_current_xact_id();
    else
        update audit_log
        set actor_id = null
        where audit_log.subject_id = subject
            and audit_log.actor_id = learner;
    end if;
end
$function$;

grant execute on function forget_entries(uuid,uuid,uuid) to app_service;

CREATE FUNCTION public.audit_delete_of_achievements()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.id, 'achievements', 'DELETE', array[old.id::text], jsonb_build_object('id', old.id, 'name', old.name, 'description', old.description, 'category', old.category, 'criteria', old.criteria, 'xp_reward', old.xp_reward, 'badge_icon', old.badge_icon, 'badge_color', old.badge_color, 'rarity', old.rarity, 'is_visible', old.is_visible, 'is_active', old.is_active, 'created_at', old.created_at));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_skill_categories()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.id, 'skill_categories', 'DELETE', array[old.id::text], jsonb_build_object('id', old.id, 'name', old.name, 'slug', old.slug, 'description', old.description, 'color', old.color, 'icon', old.icon, 'sort_order', old.sort_order, 'is_active', old.is_active, 'created_at', old.created_at));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_skill_trees()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.id, 'skill_trees', 'DELETE', array[old.id::text], jsonb_build_object('id', old.id, 'category_id', old.category_id, 'name', old.name, 'slug', old.slug, 'description', old.description, 'short_description', old.short_description, 'difficulty', old.difficulty, 'estimated_hours', old.estimated_hours, 'prerequisites', old.prerequisites, 'tags', old.tags, 'version', old.version, 'language', old.language, 'layout_config', old.layout_config, 'theme_config', old.theme_config, 'is_published', old.is_published, 'is_featured', old.is_featured, 'is_ai_generated', old.is_ai_generated, 'created_at', old.created_at));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_skills()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.id, 'skills', 'DELETE', array[old.id::text], jsonb_build_object('id', old.id, 'skill_tree_id', old.skill_tree_id, 'parent_skill_id', old.parent_skill_id, 'key', old.key, 'sort_order', old.sort_order, 'name', old.name, 'short_name', old.short_name, 'description', old.description, 'learning_objectives', old.learning_objectives, 'skill_type', old.skill_type, 'difficulty', old.difficulty, 'estimated_minutes', old.estimated_minutes, 'xp_value', old.xp_value, 'dependencies', old.dependencies, 'position_x', old.position_x, 'position_y', old.position_y, 'is_placed', old.is_placed, 'node_size', old.node_size, 'content', old.content, 'resources', old.resources, 'assessments', old.assessments, 'is_active', old.is_active, 'removed_at', old.removed_at, 'is_optional', old.is_optional, 'is_milestone', old.is_milestone, 'created_at', old.created_at));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_user_achievements()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.user_id, 'user_achievements', 'DELETE', array[old.achievement_id::text], jsonb_build_object('user_id', old.user_id, 'achievement_id', old.achievement_id, 'id', old.id, 'earned_at', old.earned_at, 'progress', old.progress, 'metadata', old.metadata));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_user_activity_days()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.user_id, 'user_activity_days', 'DELETE', array[to_char(old.activity_date, 'YYYY-MM-DD')], jsonb_build_object('user_id', old.user_id, 'activity_date', old.activity_date, 'minutes', old.minutes, 'learnt_at', old.learnt_at, 'is_counted', old.is_counted, 'excuse', old.excuse));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_user_profiles()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.user_id, 'user_profiles', 'DELETE', array[old.user_id::text], jsonb_build_object('user_id', old.user_id, 'bio', old.bio, 'location', old.location, 'website', old.website, 'timezone', old.timezone, 'day_starts_at', old.day_starts_at, 'learning_goals', old.learning_goals, 'interests', old.interests, 'preferences', old.preferences, 'is_on_leaderboard', old.is_on_leaderboard, 'created_at', old.created_at));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_user_sessions()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.user_id, 'user_sessions', 'DELETE', array[old.id::text], jsonb_build_object('user_id', old.user_id, 'id', old.id, 'device_info', old.device_info, 'ip_address', old.ip_address, 'started_at', old.started_at, 'expires_at', old.expires_at, 'ended_at', old.ended_at, 'is_active', old.is_active));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_user_skill_progress()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.user_id, 'user_skill_progress', 'DELETE', array[old.skill_id::text], jsonb_build_object('user_id', old.user_id, 'skill_id', old.skill_id, 'id', old.id, 'skill_tree_id', old.skill_tree_id, 'status', old.status, 'progress_percent', old.progress_percent, 'time_spent_minutes', old.time_spent_minutes, 'attempts_count', old.attempts_count, 'failed_attempts', old.failed_attempts, 'completion_method', old.completion_method, 'completion_score', old.completion_score, 'passing_score_waived', old.passing_score_waived, 'evidence_data', old.evidence_data, 'unlocked_at', old.unlocked_at, 'started_at', old.started_at, 'completed_at', old.completed_at, 'struggling_indicators', old.struggling_indicators, 'engagement_score', old.engagement_score, 'created_at', old.created_at));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_user_skill_tree_progress()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.user_id, 'user_skill_tree_progress', 'DELETE', array[old.skill_tree_id::text], jsonb_build_object('user_id', old.user_id, 'skill_tree_id', old.skill_tree_id, 'id', old.id, 'status', old.status, 'started_at', old.started_at, 'completed_at', old.completed_at, 'current_path', old.current_path, 'created_at', old.created_at));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_users()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.id, 'users', 'DELETE', array[old.id::text], jsonb_build_object('id', old.id, 'email', old.email, 'username', old.username, 'first_name', old.first_name, 'last_name', old.last_name, 'avatar_url', old.avatar_url, 'is_active', old.is_active, 'email_verified', old.email_verified, 'created_at', old.created_at));
         return null; end $function$;

CREATE FUNCTION public.audit_delete_of_xp_events()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare  begin 
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.user_id, 'xp_events', 'DELETE', array[old.source_id::text], jsonb_build_object('user_id', old.user_id, 'source_kind', old.source_kind, 'source_id', old.source_id, 'id', old.id, 'xp', old.xp, 'granted_at', old.granted_at, 'granted_on', old.granted_on, 'skill_tree_id', old.skill_tree_id, 'category_id', old.category_id, 'difficulty', old.difficulty, 'skill_type', old.skill_type));
         return null; end $function$;

CREATE FUNCTION public.audit_image(audited public.achievements)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('id', audited.id, 'name', audited.name, 'description', audited.description, 'category', audited.category, 'criteria', audited.criteria, 'xp_reward', audited.xp_reward, 'badge_icon', audited.badge_icon, 'badge_color', audited.badge_color, 'rarity', audited.rarity, 'is_visible', audited.is_visible, 'is_active', audited.is_active, 'created_at', audited.created_at);
        end
        $function$;

grant execute on function audit_image(achievements) to app_service;

CREATE FUNCTION public.audit_image(audited public.skill_categories)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('id', audited.id, 'name', audited.name, 'slug', audited.slug, 'description', audited.description, 'color', audited.color, 'icon', audited.icon, 'sort_order', audited.sort_order, 'is_active', audited.is_active, 'created_at', audited.created_at);
        end
        $function$;

grant execute on function audit_image(skill_categories) to app_service;

CREATE FUNCTION public.audit_image(audited public.skill_trees)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('id', audited.id, 'category_id', audited.category_id, 'name', audited.name, 'slug', audited.slug, 'description', audited.description, 'short_description', audited.short_description, 'difficulty', audited.difficulty, 'estimated_hours', audited.estimated_hours, 'prerequisites', audited.prerequisites, 'tags', audited.tags, 'version', audited.version, 'language', audited.language, 'layout_config', audited.layout_config, 'theme_config', audited.theme_config, 'is_published', audited.is_published, 'is_featured', audited.is_featured, 'is_ai_generated', audited.is_ai_generated, 'created_at', audited.created_at);
        end
        $function$;

grant execute on function audit_image(skill_trees) to app_service;

CREATE FUNCTION public.audit_image(audited public.skills)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('id', audited.id, 'skill_tree_id', audited.skill_tree_id, 'parent_skill_id', audited.parent_skill_id, 'key', audited.key, 'sort_order', audited.sort_order, 'name', audited.name, 'short_name', audited.short_name, 'description', audited.description, 'learning_objectives', audited.learning_objectives, 'skill_type', audited.skill_type, 'difficulty', audited.difficulty, 'estimated_minutes', audited.estimated_minutes, 'xp_value', audited.xp_value, 'dependencies', audited.dependencies, 'position_x', audited.position_x, 'position_y', audited.position_y, 'is_placed', audited.is_placed, 'node_size', audited.node_size, 'content', audited.content, 'resources', audited.resources, 'assessments', audited.assessments, 'is_active', audited.is_active, 'removed_at', audited.removed_at, 'is_optional', audited.is_optional, 'is_milestone', audited.is_milestone, 'created_at', audited.created_at);
        end
        $function$;

grant execute on function audit_image(skills) to app_service;

CREATE FUNCTION public.audit_image(audited public.user_achievements)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('user_id', audited.user_id, 'achievement_id', audited.achievement_id, 'id', audited.id, 'earned_at', audited.earned_at, 'progress', audited.progress, 'metadata', audited.metadata);
        end
        $function$;

grant execute on function audit_image(user_achievements) to app_service;

CREATE FUNCTION public.audit_image(audited public.user_activity_days)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('user_id', audited.user_id, 'activity_date', audited.activity_date, 'minutes', audited.minutes, 'learnt_at', audited.learnt_at, 'is_counted', audited.is_counted, 'excuse', audited.excuse);
        end
        $function$;

grant execute on function audit_image(user_activity_days) to app_service;

CREATE FUNCTION public.audit_image(audited public.user_profiles)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('user_id', audited.user_id, 'bio', audited.bio, 'location', audited.location, 'website', audited.website, 'timezone', audited.timezone, 'day_starts_at', audited.day_starts_at, 'learning_goals', audited.learning_goals, 'interests', audited.interests, 'preferences', audited.preferences, 'is_on_leaderboard', audited.is_on_leaderboard, 'created_at', audited.created_at);
        end
        $function$;

grant execute on function audit_image(user_profiles) to app_service;

CREATE FUNCTION public.audit_image(audited public.user_sessions)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('user_id', audited.user_id, 'id', audited.id, 'device_info', audited.device_info, 'ip_address', audited.ip_address, 'started_at', audited.started_at, 'expires_at', audited.expires_at, 'ended_at', audited.ended_at, 'is_active', audited.is_active);
        end
        $function$;

grant execute on function audit_image(user_sessions) to app_service;

CREATE FUNCTION public.audit_image(audited public.user_skill_progress)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('user_id', audited.user_id, 'skill_id', audited.skill_id, 'id', audited.id, 'skill_tree_id', audited.skill_tree_id, 'status', audited.status, 'progress_percent', audited.progress_percent, 'time_spent_minutes', audited.time_spent_minutes, 'attempts_count', audited.attempts_count, 'failed_attempts', audited.failed_attempts, 'completion_method', audited.completion_method, 'completion_score', audited.completion_score, 'passing_score_waived', audited.passing_score_waived, 'evidence_data', audited.evidence_data, 'unlocked_at', audited.unlocked_at, 'started_at', audited.started_at, 'completed_at', audited.completed_at, 'struggling_indicators', audited.struggling_indicators, 'engagement_score', audited.engagement_score, 'created_at', audited.created_at);
        end
        $function$;

grant execute on function audit_image(user_skill_progress) to app_service;

CREATE FUNCTION public.audit_image(audited public.user_skill_tree_progress)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('user_id', audited.user_id, 'skill_tree_id', audited.skill_tree_id, 'id', audited.id, 'status', audited.status, 'started_at', audited.started_at, 'completed_at', audited.completed_at, 'current_path', audited.current_path, 'created_at', audited.created_at);
        end
        $function$;

grant execute on function audit_image(user_skill_tree_progress) to app_service;

CREATE FUNCTION public.audit_image(audited public.users)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('id', audited.id, 'email', audited.email, 'username', audited.username, 'first_name', audited.first_name, 'last_name', audited.last_name, 'avatar_url', audited.avatar_url, 'is_active', audited.is_active, 'email_verified', audited.email_verified, 'created_at', audited.created_at);
        end
        $function$;

grant execute on function audit_image(users) to app_service;

CREATE FUNCTION public.audit_image(audited public.xp_events)
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
        begin
            return jsonb_build_object('user_id', audited.user_id, 'source_kind', audited.source_kind, 'source_id', audited.source_id, 'id', audited.id, 'xp', audited.xp, 'granted_at', audited.granted_at, 'granted_on', audited.granted_on, 'skill_tree_id', audited.skill_tree_id, 'category_id', audited.category_id, 'difficulty', audited.difficulty, 'skill_type', audited.skill_type);
        end
        $function$;

grant execute on function audit_image(xp_events) to app_service;

CREATE FUNCTION public.audit_insert_of_achievements()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare entry record; begin 
            for entry in
                select
                    new_row.id as subject_id,
                    array[new_row.id::text] as row_keys
                from new_rows as new_row
                
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, 'achievements', 'INSERT', entry.row_keys);
            end loop;
         return null; end $function$;

CREATE FUNCTION public.audit_insert_of_skill_categories()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare entry record; begin 
            for entry in
                select
                    new_row.id as subject_id,
                    array[new_row.id::text] as row_keys
                from new_rows as new_row
                
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, 'skill_categories', 'INSERT', entry.row_keys);
            end loop;
         return null; end $function$;

CREATE FUNCTION public.audit_insert_of_skill_trees()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare entry record; begin 
            for entry in
                select
                    new_row.id as subject_id,
                    array[new_row.id::text] as row_keys
                from new_rows as new_row
                
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, 'skill_trees', 'INSERT', entry.row_keys);
            end loop;
         return null; end $function$;

CREATE FUNCTION public.audit_insert_of_skills()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare entry record; begin 
            for entry in
                select
                    new_row.id as subject_id,
                    array[new_row.id::text] as row_keys
                from new_rows as new_row
                
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, 'skills', 'INSERT', entry.row_keys);
            end loop;
         return null; end $function$;

CREATE FUNCTION public.audit_insert_of_user_profiles()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare entry record; begin 
            for entry in
                select
                    new_row.user_id as subject_id,
                    array[new_row.user_id::text] as row_keys
                from new_rows as new_row
                
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, 'user_profiles', 'INSERT', entry.row_keys);
            end loop;
         return null; end $function$;

CREATE FUNCTION public.audit_insert_of_user_sessions()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare entry record; begin 
            for entry in
                select
                    new_row.user_id as subject_id,
                    array_agg(new_row.id::text order by new_row.id) as row_keys
                from new_rows as new_row
                group by new_row.user_id
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, 'user_sessions', 'INSERT', entry.row_keys);
            end loop;
         return null; end $function$;

CREATE FUNCTION public.audit_insert_of_user_skill_progress()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare entry record; begin 
            for entry in
                select
                    new_row.user_id as subject_id,
                    array_agg(new_row.skill_id::text order by new_row.skill_id) as row_keys
                from new_rows as new_row
                group by new_row.user_id
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, 'user_skill_progress', 'INSERT', entry.row_keys);
            end loop;
         return null; end $function$;

CREATE FUNCTION public.audit_insert_of_user_skill_tree_progress()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare entry record; begin 
            for entry in
                select
                    new_row.user_id as subject_id,
                    array_agg(new_row.skill_tree_id::text order by new_row.skill_tree_id) as row_keys
                from new_rows as new_row
                group by new_row.user_id
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, 'user_skill_tree_progress', 'INSERT', entry.row_keys);
            end loop;
         return null; end $function$;

CREATE FUNCTION public.audit_insert_of_users()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare entry record; begin 
            for entry in
                select
                    new_row.id as subject_id,
                    array[new_row.id::text] as row_keys
                from new_rows as new_row
                
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, 'users', 'INSERT', entry.row_keys);
            end loop;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_achievements()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.id, old.name, old.description, old.category, old.criteria, old.xp_reward, old.badge_icon, old.badge_color, old.rarity, old.is_visible, old.is_active, old.created_at) is distinct from (new.id, new.name, new.description, new.category, new.criteria, new.xp_reward, new.badge_icon, new.badge_color, new.rarity, new.is_visible, new.is_active, new.created_at) then
                before := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.name is distinct from new.name then '"name":' || coalesce(to_json(old.name)::text, 'null') end, case when old.description is distinct from new.description then '"description":' || coalesce(to_json(old.description)::text, 'null') end, case when old.category is distinct from new.category then '"category":' || coalesce(to_json(old.category)::text, 'null') end, case when old.criteria is distinct from new.criteria then '"criteria":' || coalesce(to_json(old.criteria)::text, 'null') end, case when old.xp_reward is distinct from new.xp_reward then '"xp_reward":' || coalesce(to_json(old.xp_reward)::text, 'null') end, case when old.badge_icon is distinct from new.badge_icon then '"badge_icon":' || coalesce(to_json(old.badge_icon)::text, 'null') end, case when old.badge_color is distinct from new.badge_color then '"badge_color":' || coalesce(to_json(old.badge_color)::text, 'null') end, case when old.rarity is distinct from new.rarity then '"rarity":' || coalesce(to_json(old.rarity)::text, 'null') end, case when old.is_visible is distinct from new.is_visible then '"is_visible":' || coalesce(to_json(old.is_visible)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(old.is_active)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(old.created_at)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.name is distinct from new.name then '"name":' || coalesce(to_json(new.name)::text, 'null') end, case when old.description is distinct from new.description then '"description":' || coalesce(to_json(new.description)::text, 'null') end, case when old.category is distinct from new.category then '"category":' || coalesce(to_json(new.category)::text, 'null') end, case when old.criteria is distinct from new.criteria then '"criteria":' || coalesce(to_json(new.criteria)::text, 'null') end, case when old.xp_reward is distinct from new.xp_reward then '"xp_reward":' || coalesce(to_json(new.xp_reward)::text, 'null') end, case when old.badge_icon is distinct from new.badge_icon then '"badge_icon":' || coalesce(to_json(new.badge_icon)::text, 'null') end, case when old.badge_color is distinct from new.badge_color then '"badge_color":' || coalesce(to_json(new.badge_color)::text, 'null') end, case when old.rarity is distinct from new.rarity then '"rarity":' || coalesce(to_json(new.rarity)::text, 'null') end, case when old.is_visible is distinct from new.is_visible then '"is_visible":' || coalesce(to_json(new.is_visible)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(new.is_active)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(new.created_at)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.id, 'achievements', 'UPDATE', array[new.id::text], before, after);
                if (new.id) is distinct from (old.id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.id, 'achievements', 'UPDATE', array[old.id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_skill_categories()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.id, old.name, old.slug, old.description, old.color, old.icon, old.sort_order, old.is_active, old.created_at) is distinct from (new.id, new.name, new.slug, new.description, new.color, new.icon, new.sort_order, new.is_active, new.created_at) then
                before := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.name is distinct from new.name then '"name":' || coalesce(to_json(old.name)::text, 'null') end, case when old.slug is distinct from new.slug then '"slug":' || coalesce(to_json(old.slug)::text, 'null') end, case when old.description is distinct from new.description then '"description":' || coalesce(to_json(old.description)::text, 'null') end, case when old.color is distinct from new.color then '"color":' || coalesce(to_json(old.color)::text, 'null') end, case when old.icon is distinct from new.icon then '"icon":' || coalesce(to_json(old.icon)::text, 'null') end, case when old.sort_order is distinct from new.sort_order then '"sort_order":' || coalesce(to_json(old.sort_order)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(old.is_active)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(old.created_at)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.name is distinct from new.name then '"name":' || coalesce(to_json(new.name)::text, 'null') end, case when old.slug is distinct from new.slug then '"slug":' || coalesce(to_json(new.slug)::text, 'null') end, case when old.description is distinct from new.description then '"description":' || coalesce(to_json(new.description)::text, 'null') end, case when old.color is distinct from new.color then '"color":' || coalesce(to_json(new.color)::text, 'null') end, case when old.icon is distinct from new.icon then '"icon":' || coalesce(to_json(new.icon)::text, 'null') end, case when old.sort_order is distinct from new.sort_order then '"sort_order":' || coalesce(to_json(new.sort_order)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(new.is_active)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(new.created_at)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.id, 'skill_categories', 'UPDATE', array[new.id::text], before, after);
                if (new.id) is distinct from (old.id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.id, 'skill_categories', 'UPDATE', array[old.id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_skill_trees()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.id, old.category_id, old.name, old.slug, old.description, old.short_description, old.difficulty, old.estimated_hours, old.prerequisites, old.tags, old.version, old.language, old.layout_config, old.theme_config, old.is_published, old.is_featured, old.is_ai_generated, old.created_at) is distinct from (new.id, new.category_id, new.name, new.slug, new.description, new.short_description, new.difficulty, new.estimated_hours, new.prerequisites, new.tags, new.version, new.language, new.layout_config, new.theme_config, new.is_published, new.is_featured, new.is_ai_generated, new.created_at) then
                before := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.category_id is distinct from new.category_id then '"category_id":' || coalesce(to_json(old.category_id)::text, 'null') end, case when old.name is distinct from new.name then '"name":' || coalesce(to_json(old.name)::text, 'null') end, case when old.slug is distinct from new.slug then '"slug":' || coalesce(to_json(old.slug)::text, 'null') end, case when old.description is distinct from new.description then '"description":' || coalesce(to_json(old.description)::text, 'null') end, case when old.short_description is distinct from new.short_description then '"short_description":' || coalesce(to_json(old.short_description)::text, 'null') end, case when old.difficulty is distinct from new.difficulty then '"difficulty":' || coalesce(to_json(old.difficulty)::text, 'null') end, case when old.estimated_hours is distinct from new.estimated_hours then '"estimated_hours":' || coalesce(to_json(old.estimated_hours)::text, 'null') end, case when old.prerequisites is distinct from new.prerequisites then '"prerequisites":' || coalesce(to_json(old.prerequisites)::text, 'null') end, case when old.tags is distinct from new.tags then '"tags":' || coalesce(to_json(old.tags)::text, 'null') end, case when old.version is distinct from new.version then '"version":' || coalesce(to_json(old.version)::text, 'null') end, case when old.language is distinct from new.language then '"language":' || coalesce(to_json(old.language)::text, 'null') end, case when old.layout_config is distinct from new.layout_config then '"layout_config":' || coalesce(to_json(old.layout_config)::text, 'null') end, case when old.theme_config is distinct from new.theme_config then '"theme_config":' || coalesce(to_json(old.theme_config)::text, 'null') end, case when old.is_published is distinct from new.is_published then '"is_published":' || coalesce(to_json(old.is_published)::text, 'null') end, case when old.is_featured is distinct from new.is_featured then '"is_featured":' || coalesce(to_json(old.is_featured)::text, 'null') end, case when old.is_ai_generated is distinct from new.is_ai_generated then '"is_ai_generated":' || coalesce(to_json(old.is_ai_generated)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(old.created_at)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.category_id is distinct from new.category_id then '"category_id":' || coalesce(to_json(new.category_id)::text, 'null') end, case when old.name is distinct from new.name then '"name":' || coalesce(to_json(new.name)::text, 'null') end, case when old.slug is distinct from new.slug then '"slug":' || coalesce(to_json(new.slug)::text, 'null') end, case when old.description is distinct from new.description then '"description":' || coalesce(to_json(new.description)::text, 'null') end, case when old.short_description is distinct from new.short_description then '"short_description":' || coalesce(to_json(new.short_description)::text, 'null') end, case when old.difficulty is distinct from new.difficulty then '"difficulty":' || coalesce(to_json(new.difficulty)::text, 'null') end, case when old.estimated_hours is distinct from new.estimated_hours then '"estimated_hours":' || coalesce(to_json(new.estimated_hours)::text, 'null') end, case when old.prerequisites is distinct from new.prerequisites then '"prerequisites":' || coalesce(to_json(new.prerequisites)::text, 'null') end, case when old.tags is distinct from new.tags then '"tags":' || coalesce(to_json(new.tags)::text, 'null') end, case when old.version is distinct from new.version then '"version":' || coalesce(to_json(new.version)::text, 'null') end, case when old.language is distinct from new.language then '"language":' || coalesce(to_json(new.language)::text, 'null') end, case when old.layout_config is distinct from new.layout_config then '"layout_config":' || coalesce(to_json(new.layout_config)::text, 'null') end, case when old.theme_config is distinct from new.theme_config then '"theme_config":' || coalesce(to_json(new.theme_config)::text, 'null') end, case when old.is_published is distinct from new.is_published then '"is_published":' || coalesce(to_json(new.is_published)::text, 'null') end, case when old.is_featured is distinct from new.is_featured then '"is_featured":' || coalesce(to_json(new.is_featured)::text, 'null') end, case when old.is_ai_generated is distinct from new.is_ai_generated then '"is_ai_generated":' || coalesce(to_json(new.is_ai_generated)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(new.created_at)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.id, 'skill_trees', 'UPDATE', array[new.id::text], before, after);
                if (new.id) is distinct from (old.id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.id, 'skill_trees', 'UPDATE', array[old.id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_skills()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.id, old.skill_tree_id, old.parent_skill_id, old.key, old.sort_order, old.name, old.short_name, old.description, old.learning_objectives, old.skill_type, old.difficulty, old.estimated_minutes, old.xp_value, old.dependencies, old.position_x, old.position_y, old.is_placed, old.node_size, old.content, old.resources, old.assessments, old.is_active, old.removed_at, old.is_optional, old.is_milestone, old.created_at) is distinct from (new.id, new.skill_tree_id, new.parent_skill_id, new.key, new.sort_order, new.name, new.short_name, new.description, new.learning_objectives, new.skill_type, new.difficulty, new.estimated_minutes, new.xp_value, new.dependencies, new.position_x, new.position_y, new.is_placed, new.node_size, new.content, new.resources, new.assessments, new.is_active, new.removed_at, new.is_optional, new.is_milestone, new.created_at) then
                before := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.skill_tree_id is distinct from new.skill_tree_id then '"skill_tree_id":' || coalesce(to_json(old.skill_tree_id)::text, 'null') end, case when old.parent_skill_id is distinct from new.parent_skill_id then '"parent_skill_id":' || coalesce(to_json(old.parent_skill_id)::text, 'null') end, case when old.key is distinct from new.key then '"key":' || coalesce(to_json(old.key)::text, 'null') end, case when old.sort_order is distinct from new.sort_order then '"sort_order":' || coalesce(to_json(old.sort_order)::text, 'null') end, case when old.name is distinct from new.name then '"name":' || coalesce(to_json(old.name)::text, 'null') end, case when old.short_name is distinct from new.short_name then '"short_name":' || coalesce(to_json(old.short_name)::text, 'null') end, case when old.description is distinct from new.description then '"description":' || coalesce(to_json(old.description)::text, 'null') end, case when old.learning_objectives is distinct from new.learning_objectives then '"learning_objectives":' || coalesce(to_json(old.learning_objectives)::text, 'null') end, case when old.skill_type is distinct from new.skill_type then '"skill_type":' || coalesce(to_json(old.skill_type)::text, 'null') end, case when old.difficulty is distinct from new.difficulty then '"difficulty":' || coalesce(to_json(old.difficulty)::text, 'null') end, case when old.estimated_minutes is distinct from new.estimated_minutes then '"estimated_minutes":' || coalesce(to_json(old.estimated_minutes)::text, 'null') end, case when old.xp_value is distinct from new.xp_value then '"xp_value":' || coalesce(to_json(old.xp_value)::text, 'null') end, case when old.dependencies is distinct from new.dependencies then '"dependencies":' || coalesce(to_json(old.dependencies)::text, 'null') end, case when old.position_x is distinct from new.position_x then '"position_x":' || coalesce(to_json(old.position_x)::text, 'null') end, case when old.position_y is distinct from new.position_y then '"position_y":' || coalesce(to_json(old.position_y)::text, 'null') end, case when old.is_placed is distinct from new.is_placed then '"is_placed":' || coalesce(to_json(old.is_placed)::text, 'null') end, case when old.node_size is distinct from new.node_size then '"node_size":' || coalesce(to_json(old.node_size)::text, 'null') end, case when old.content is distinct from new.content then '"content":' || coalesce(to_json(old.content)::text, 'null') end, case when old.resources is distinct from new.resources then '"resources":' || coalesce(to_json(old.resources)::text, 'null') end, case when old.assessments is distinct from new.assessments then '"assessments":' || coalesce(to_json(old.assessments)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(old.is_active)::text, 'null') end, case when old.removed_at is distinct from new.removed_at then '"removed_at":' || coalesce(to_json(old.removed_at)::text, 'null') end, case when old.is_optional is distinct from new.is_optional then '"is_optional":' || coalesce(to_json(old.is_optional)::text, 'null') end, case when old.is_milestone is distinct from new.is_milestone then '"is_milestone":' || coalesce(to_json(old.is_milestone)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(old.created_at)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.skill_tree_id is distinct from new.skill_tree_id then '"skill_tree_id":' || coalesce(to_json(new.skill_tree_id)::text, 'null') end, case when old.parent_skill_id is distinct from new.parent_skill_id then '"parent_skill_id":' || coalesce(to_json(new.parent_skill_id)::text, 'null') end, case when old.key is distinct from new.key then '"key":' || coalesce(to_json(new.key)::text, 'null') end, case when old.sort_order is distinct from new.sort_order then '"sort_order":' || coalesce(to_json(new.sort_order)::text, 'null') end, case when old.name is distinct from new.name then '"name":' || coalesce(to_json(new.name)::text, 'null') end, case when old.short_name is distinct from new.short_name then '"short_name":' || coalesce(to_json(new.short_name)::text, 'null') end, case when old.description is distinct from new.description then '"description":' || coalesce(to_json(new.description)::text, 'null') end, case when old.learning_objectives is distinct from new.learning_objectives then '"learning_objectives":' || coalesce(to_json(new.learning_objectives)::text, 'null') end, case when old.skill_type is distinct from new.skill_type then '"skill_type":' || coalesce(to_json(new.skill_type)::text, 'null') end, case when old.difficulty is distinct from new.difficulty then '"difficulty":' || coalesce(to_json(new.difficulty)::text, 'null') end, case when old.estimated_minutes is distinct from new.estimated_minutes then '"estimated_minutes":' || coalesce(to_json(new.estimated_minutes)::text, 'null') end, case when old.xp_value is distinct from new.xp_value then '"xp_value":' || coalesce(to_json(new.xp_value)::text, 'null') end, case when old.dependencies is distinct from new.dependencies then '"dependencies":' || coalesce(to_json(new.dependencies)::text, 'null') end, case when old.position_x is distinct from new.position_x then '"position_x":' || coalesce(to_json(new.position_x)::text, 'null') end, case when old.position_y is distinct from new.position_y then '"position_y":' || coalesce(to_json(new.position_y)::text, 'null') end, case when old.is_placed is distinct from new.is_placed then '"is_placed":' || coalesce(to_json(new.is_placed)::text, 'null') end, case when old.node_size is distinct from new.node_size then '"node_size":' || coalesce(to_json(new.node_size)::text, 'null') end, case when old.content is distinct from new.content then '"content":' || coalesce(to_json(new.content)::text, 'null') end, case when old.resources is distinct from new.resources then '"resources":' || coalesce(to_json(new.resources)::text, 'null') end, case when old.assessments is distinct from new.assessments then '"assessments":' || coalesce(to_json(new.assessments)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(new.is_active)::text, 'null') end, case when old.removed_at is distinct from new.removed_at then '"removed_at":' || coalesce(to_json(new.removed_at)::text, 'null') end, case when old.is_optional is distinct from new.is_optional then '"is_optional":' || coalesce(to_json(new.is_optional)::text, 'null') end, case when old.is_milestone is distinct from new.is_milestone then '"is_milestone":' || coalesce(to_json(new.is_milestone)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(new.created_at)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.id, 'skills', 'UPDATE', array[new.id::text], before, after);
                if (new.id) is distinct from (old.id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.id, 'skills', 'UPDATE', array[old.id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_user_achievements()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.user_id, old.achievement_id, old.id, old.earned_at, old.progress, old.metadata) is distinct from (new.user_id, new.achievement_id, new.id, new.earned_at, new.progress, new.metadata) then
                before := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(old.user_id)::text, 'null') end, case when old.achievement_id is distinct from new.achievement_id then '"achievement_id":' || coalesce(to_json(old.achievement_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.earned_at is distinct from new.earned_at then '"earned_at":' || coalesce(to_json(old.earned_at)::text, 'null') end, case when old.progress is distinct from new.progress then '"progress":' || coalesce(to_json(old.progress)::text, 'null') end, case when old.metadata is distinct from new.metadata then '"metadata":' || coalesce(to_json(old.metadata)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(new.user_id)::text, 'null') end, case when old.achievement_id is distinct from new.achievement_id then '"achievement_id":' || coalesce(to_json(new.achievement_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.earned_at is distinct from new.earned_at then '"earned_at":' || coalesce(to_json(new.earned_at)::text, 'null') end, case when old.progress is distinct from new.progress then '"progress":' || coalesce(to_json(new.progress)::text, 'null') end, case when old.metadata is distinct from new.metadata then '"metadata":' || coalesce(to_json(new.metadata)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.user_id, 'user_achievements', 'UPDATE', array[new.achievement_id::text], before, after);
                if (new.user_id, new.achievement_id) is distinct from (old.user_id, old.achievement_id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.user_id, 'user_achievements', 'UPDATE', array[old.achievement_id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_user_activity_days()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.user_id, old.activity_date, old.minutes, old.learnt_at, old.is_counted, old.excuse) is distinct from (new.user_id, new.activity_date, new.minutes, new.learnt_at, new.is_counted, new.excuse) then
                before := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(old.user_id)::text, 'null') end, case when old.activity_date is distinct from new.activity_date then '"activity_date":' || coalesce(to_json(old.activity_date)::text, 'null') end, case when old.minutes is distinct from new.minutes then '"minutes":' || coalesce(to_json(old.minutes)::text, 'null') end, case when old.learnt_at is distinct from new.learnt_at then '"learnt_at":' || coalesce(to_json(old.learnt_at)::text, 'null') end, case when old.is_counted is distinct from new.is_counted then '"is_counted":' || coalesce(to_json(old.is_counted)::text, 'null') end, case when old.excuse is distinct from new.excuse then '"excuse":' || coalesce(to_json(old.excuse)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(new.user_id)::text, 'null') end, case when old.activity_date is distinct from new.activity_date then '"activity_date":' || coalesce(to_json(new.activity_date)::text, 'null') end, case when old.minutes is distinct from new.minutes then '"minutes":' || coalesce(to_json(new.minutes)::text, 'null') end, case when old.learnt_at is distinct from new.learnt_at then '"learnt_at":' || coalesce(to_json(new.learnt_at)::text, 'null') end, case when old.is_counted is distinct from new.is_counted then '"is_counted":' || coalesce(to_json(new.is_counted)::text, 'null') end, case when old.excuse is distinct from new.excuse then '"excuse":' || coalesce(to_json(new.excuse)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.user_id, 'user_activity_days', 'UPDATE', array[to_char(new.activity_date, 'YYYY-MM-DD')], before, after);
                if (new.user_id, new.activity_date) is distinct from (old.user_id, old.activity_date) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.user_id, 'user_activity_days', 'UPDATE', array[to_char(old.activity_date, 'YYYY-MM-DD')], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_user_profiles()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.user_id, old.bio, old.location, old.website, old.timezone, old.day_starts_at, old.learning_goals, old.interests, old.preferences, old.is_on_leaderboard, old.created_at) is distinct from (new.user_id, new.bio, new.location, new.website, new.timezone, new.day_starts_at, new.learning_goals, new.interests, new.preferences, new.is_on_leaderboard, new.created_at) then
                before := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(old.user_id)::text, 'null') end, case when old.bio is distinct from new.bio then '"bio":' || coalesce(to_json(old.bio)::text, 'null') end, case when old.location is distinct from new.location then '"location":' || coalesce(to_json(old.location)::text, 'null') end, case when old.website is distinct from new.website then '"website":' || coalesce(to_json(old.website)::text, 'null') end, case when old.timezone is distinct from new.timezone then '"timezone":' || coalesce(to_json(old.timezone)::text, 'null') end, case when old.day_starts_at is distinct from new.day_starts_at then '"day_starts_at":' || coalesce(to_json(old.day_starts_at)::text, 'null') end, case when old.learning_goals is distinct from new.learning_goals then '"learning_goals":' || coalesce(to_json(old.learning_goals)::text, 'null') end, case when old.interests is distinct from new.interests then '"interests":' || coalesce(to_json(old.interests)::text, 'null') end, case when old.preferences is distinct from new.preferences then '"preferences":' || coalesce(to_json(old.preferences)::text, 'null') end, case when old.is_on_leaderboard is distinct from new.is_on_leaderboard then '"is_on_leaderboard":' || coalesce(to_json(old.is_on_leaderboard)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(old.created_at)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(new.user_id)::text, 'null') end, case when old.bio is distinct from new.bio then '"bio":' || coalesce(to_json(new.bio)::text, 'null') end, case when old.location is distinct from new.location then '"location":' || coalesce(to_json(new.location)::text, 'null') end, case when old.website is distinct from new.website then '"website":' || coalesce(to_json(new.website)::text, 'null') end, case when old.timezone is distinct from new.timezone then '"timezone":' || coalesce(to_json(new.timezone)::text, 'null') end, case when old.day_starts_at is distinct from new.day_starts_at then '"day_starts_at":' || coalesce(to_json(new.day_starts_at)::text, 'null') end, case when old.learning_goals is distinct from new.learning_goals then '"learning_goals":' || coalesce(to_json(new.learning_goals)::text, 'null') end, case when old.interests is distinct from new.interests then '"interests":' || coalesce(to_json(new.interests)::text, 'null') end, case when old.preferences is distinct from new.preferences then '"preferences":' || coalesce(to_json(new.preferences)::text, 'null') end, case when old.is_on_leaderboard is distinct from new.is_on_leaderboard then '"is_on_leaderboard":' || coalesce(to_json(new.is_on_leaderboard)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(new.created_at)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.user_id, 'user_profiles', 'UPDATE', array[new.user_id::text], before, after);
                if (new.user_id) is distinct from (old.user_id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.user_id, 'user_profiles', 'UPDATE', array[old.user_id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_user_sessions()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.user_id, old.id, old.token_hash, old.device_info, old.ip_address, old.started_at, old.expires_at, old.ended_at, old.is_active) is distinct from (new.user_id, new.id, new.token_hash, new.device_info, new.ip_address, new.started_at, new.expires_at, new.ended_at, new.is_active) then
                before := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(old.user_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.token_hash is distinct from new.token_hash then '"token_hash":' || '"(secret)"' end, case when old.device_info is distinct from new.device_info then '"device_info":' || coalesce(to_json(old.device_info)::text, 'null') end, case when old.ip_address is distinct from new.ip_address then '"ip_address":' || coalesce(to_json(old.ip_address)::text, 'null') end, case when old.started_at is distinct from new.started_at then '"started_at":' || coalesce(to_json(old.started_at)::text, 'null') end, case when old.expires_at is distinct from new.expires_at then '"expires_at":' || coalesce(to_json(old.expires_at)::text, 'null') end, case when old.ended_at is distinct from new.ended_at then '"ended_at":' || coalesce(to_json(old.ended_at)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(old.is_active)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(new.user_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.token_hash is distinct from new.token_hash then '"token_hash":' || '"(secret)"' end, case when old.device_info is distinct from new.device_info then '"device_info":' || coalesce(to_json(new.device_info)::text, 'null') end, case when old.ip_address is distinct from new.ip_address then '"ip_address":' || coalesce(to_json(new.ip_address)::text, 'null') end, case when old.started_at is distinct from new.started_at then '"started_at":' || coalesce(to_json(new.started_at)::text, 'null') end, case when old.expires_at is distinct from new.expires_at then '"expires_at":' || coalesce(to_json(new.expires_at)::text, 'null') end, case when old.ended_at is distinct from new.ended_at then '"ended_at":' || coalesce(to_json(new.ended_at)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(new.is_active)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.user_id, 'user_sessions', 'UPDATE', array[new.id::text], before, after);
                if (new.user_id, new.id) is distinct from (old.user_id, old.id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.user_id, 'user_sessions', 'UPDATE', array[old.id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_user_skill_progress()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.user_id, old.skill_id, old.id, old.skill_tree_id, old.status, old.progress_percent, old.time_spent_minutes, old.attempts_count, old.failed_attempts, old.completion_method, old.completion_score, old.passing_score_waived, old.evidence_data, old.unlocked_at, old.started_at, old.completed_at, old.struggling_indicators, old.engagement_score, old.created_at) is distinct from (new.user_id, new.skill_id, new.id, new.skill_tree_id, new.status, new.progress_percent, new.time_spent_minutes, new.attempts_count, new.failed_attempts, new.completion_method, new.completion_score, new.passing_score_waived, new.evidence_data, new.unlocked_at, new.started_at, new.completed_at, new.struggling_indicators, new.engagement_score, new.created_at) then
                before := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(old.user_id)::text, 'null') end, case when old.skill_id is distinct from new.skill_id then '"skill_id":' || coalesce(to_json(old.skill_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.skill_tree_id is distinct from new.skill_tree_id then '"skill_tree_id":' || coalesce(to_json(old.skill_tree_id)::text, 'null') end, case when old.status is distinct from new.status then '"status":' || coalesce(to_json(old.status)::text, 'null') end, case when old.progress_percent is distinct from new.progress_percent then '"progress_percent":' || coalesce(to_json(old.progress_percent)::text, 'null') end, case when old.time_spent_minutes is distinct from new.time_spent_minutes then '"time_spent_minutes":' || coalesce(to_json(old.time_spent_minutes)::text, 'null') end, case when old.attempts_count is distinct from new.attempts_count then '"attempts_count":' || coalesce(to_json(old.attempts_count)::text, 'null') end, case when old.failed_attempts is distinct from new.failed_attempts then '"failed_attempts":' || coalesce(to_json(old.failed_attempts)::text, 'null') end, case when old.completion_method is distinct from new.completion_method then '"completion_method":' || coalesce(to_json(old.completion_method)::text, 'null') end, case when old.completion_score is distinct from new.completion_score then '"completion_score":' || coalesce(to_json(old.completion_score)::text, 'null') end, case when old.passing_score_waived is distinct from new.passing_score_waived then '"passing_score_waived":' || coalesce(to_json(old.passing_score_waived)::text, 'null') end, case when old.evidence_data is distinct from new.evidence_data then '"evidence_data":' || coalesce(to_json(old.evidence_data)::text, 'null') end, case when old.unlocked_at is distinct from new.unlocked_at then '"unlocked_at":' || coalesce(to_json(old.unlocked_at)::text, 'null') end, case when old.started_at is distinct from new.started_at then '"started_at":' || coalesce(to_json(old.started_at)::text, 'null') end, case when old.completed_at is distinct from new.completed_at then '"completed_at":' || coalesce(to_json(old.completed_at)::text, 'null') end, case when old.struggling_indicators is distinct from new.struggling_indicators then '"struggling_indicators":' || coalesce(to_json(old.struggling_indicators)::text, 'null') end, case when old.engagement_score is distinct from new.engagement_score then '"engagement_score":' || coalesce(to_json(old.engagement_score)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(old.created_at)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(new.user_id)::text, 'null') end, case when old.skill_id is distinct from new.skill_id then '"skill_id":' || coalesce(to_json(new.skill_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.skill_tree_id is distinct from new.skill_tree_id then '"skill_tree_id":' || coalesce(to_json(new.skill_tree_id)::text, 'null') end, case when old.status is distinct from new.status then '"status":' || coalesce(to_json(new.status)::text, 'null') end, case when old.progress_percent is distinct from new.progress_percent then '"progress_percent":' || coalesce(to_json(new.progress_percent)::text, 'null') end, case when old.time_spent_minutes is distinct from new.time_spent_minutes then '"time_spent_minutes":' || coalesce(to_json(new.time_spent_minutes)::text, 'null') end, case when old.attempts_count is distinct from new.attempts_count then '"attempts_count":' || coalesce(to_json(new.attempts_count)::text, 'null') end, case when old.failed_attempts is distinct from new.failed_attempts then '"failed_attempts":' || coalesce(to_json(new.failed_attempts)::text, 'null') end, case when old.completion_method is distinct from new.completion_method then '"completion_method":' || coalesce(to_json(new.completion_method)::text, 'null') end, case when old.completion_score is distinct from new.completion_score then '"completion_score":' || coalesce(to_json(new.completion_score)::text, 'null') end, case when old.passing_score_waived is distinct from new.passing_score_waived then '"passing_score_waived":' || coalesce(to_json(new.passing_score_waived)::text, 'null') end, case when old.evidence_data is distinct from new.evidence_data then '"evidence_data":' || coalesce(to_json(new.evidence_data)::text, 'null') end, case when old.unlocked_at is distinct from new.unlocked_at then '"unlocked_at":' || coalesce(to_json(new.unlocked_at)::text, 'null') end, case when old.started_at is distinct from new.started_at then '"started_at":' || coalesce(to_json(new.started_at)::text, 'null') end, case when old.completed_at is distinct from new.completed_at then '"completed_at":' || coalesce(to_json(new.completed_at)::text, 'null') end, case when old.struggling_indicators is distinct from new.struggling_indicators then '"struggling_indicators":' || coalesce(to_json(new.struggling_indicators)::text, 'null') end, case when old.engagement_score is distinct from new.engagement_score then '"engagement_score":' || coalesce(to_json(new.engagement_score)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(new.created_at)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.user_id, 'user_skill_progress', 'UPDATE', array[new.skill_id::text], before, after);
                if (new.user_id, new.skill_id) is distinct from (old.user_id, old.skill_id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.user_id, 'user_skill_progress', 'UPDATE', array[old.skill_id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_user_skill_tree_progress()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.user_id, old.skill_tree_id, old.id, old.status, old.started_at, old.completed_at, old.current_path, old.created_at) is distinct from (new.user_id, new.skill_tree_id, new.id, new.status, new.started_at, new.completed_at, new.current_path, new.created_at) then
                before := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(old.user_id)::text, 'null') end, case when old.skill_tree_id is distinct from new.skill_tree_id then '"skill_tree_id":' || coalesce(to_json(old.skill_tree_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.status is distinct from new.status then '"status":' || coalesce(to_json(old.status)::text, 'null') end, case when old.started_at is distinct from new.started_at then '"started_at":' || coalesce(to_json(old.started_at)::text, 'null') end, case when old.completed_at is distinct from new.completed_at then '"completed_at":' || coalesce(to_json(old.completed_at)::text, 'null') end, case when old.current_path is distinct from new.current_path then '"current_path":' || coalesce(to_json(old.current_path)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(old.created_at)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(new.user_id)::text, 'null') end, case when old.skill_tree_id is distinct from new.skill_tree_id then '"skill_tree_id":' || coalesce(to_json(new.skill_tree_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.status is distinct from new.status then '"status":' || coalesce(to_json(new.status)::text, 'null') end, case when old.started_at is distinct from new.started_at then '"started_at":' || coalesce(to_json(new.started_at)::text, 'null') end, case when old.completed_at is distinct from new.completed_at then '"completed_at":' || coalesce(to_json(new.completed_at)::text, 'null') end, case when old.current_path is distinct from new.current_path then '"current_path":' || coalesce(to_json(new.current_path)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(new.created_at)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.user_id, 'user_skill_tree_progress', 'UPDATE', array[new.skill_tree_id::text], before, after);
                if (new.user_id, new.skill_tree_id) is distinct from (old.user_id, old.skill_tree_id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.user_id, 'user_skill_tree_progress', 'UPDATE', array[old.skill_tree_id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_users()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.id, old.email, old.username, old.password_hash, old.first_name, old.last_name, old.avatar_url, old.is_active, old.email_verified, old.created_at) is distinct from (new.id, new.email, new.username, new.password_hash, new.first_name, new.last_name, new.avatar_url, new.is_active, new.email_verified, new.created_at) then
                before := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.email is distinct from new.email then '"email":' || coalesce(to_json(old.email)::text, 'null') end, case when old.username is distinct from new.username then '"username":' || coalesce(to_json(old.username)::text, 'null') end, case when old.password_hash is distinct from new.password_hash then '"password_hash":' || '"(secret)"' end, case when old.first_name is distinct from new.first_name then '"first_name":' || coalesce(to_json(old.first_name)::text, 'null') end, case when old.last_name is distinct from new.last_name then '"last_name":' || coalesce(to_json(old.last_name)::text, 'null') end, case when old.avatar_url is distinct from new.avatar_url then '"avatar_url":' || coalesce(to_json(old.avatar_url)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(old.is_active)::text, 'null') end, case when old.email_verified is distinct from new.email_verified then '"email_verified":' || coalesce(to_json(old.email_verified)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(old.created_at)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.email is distinct from new.email then '"email":' || coalesce(to_json(new.email)::text, 'null') end, case when old.username is distinct from new.username then '"username":' || coalesce(to_json(new.username)::text, 'null') end, case when old.password_hash is distinct from new.password_hash then '"password_hash":' || '"(secret)"' end, case when old.first_name is distinct from new.first_name then '"first_name":' || coalesce(to_json(new.first_name)::text, 'null') end, case when old.last_name is distinct from new.last_name then '"last_name":' || coalesce(to_json(new.last_name)::text, 'null') end, case when old.avatar_url is distinct from new.avatar_url then '"avatar_url":' || coalesce(to_json(new.avatar_url)::text, 'null') end, case when old.is_active is distinct from new.is_active then '"is_active":' || coalesce(to_json(new.is_active)::text, 'null') end, case when old.email_verified is distinct from new.email_verified then '"email_verified":' || coalesce(to_json(new.email_verified)::text, 'null') end, case when old.created_at is distinct from new.created_at then '"created_at":' || coalesce(to_json(new.created_at)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.id, 'users', 'UPDATE', array[new.id::text], before, after);
                if (new.id) is distinct from (old.id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.id, 'users', 'UPDATE', array[old.id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE FUNCTION public.audit_update_of_xp_events()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
 SET row_security TO 'on'
AS $function$ declare before jsonb; after jsonb; begin 
            if (old.user_id, old.source_kind, old.source_id, old.id, old.xp, old.granted_at, old.granted_on, old.skill_tree_id, old.category_id, old.difficulty, old.skill_type) is distinct from (new.user_id, new.source_kind, new.source_id, new.id, new.xp, new.granted_at, new.granted_on, new.skill_tree_id, new.category_id, new.difficulty, new.skill_type) then
                before := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(old.user_id)::text, 'null') end, case when old.source_kind is distinct from new.source_kind then '"source_kind":' || coalesce(to_json(old.source_kind)::text, 'null') end, case when old.source_id is distinct from new.source_id then '"source_id":' || coalesce(to_json(old.source_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(old.id)::text, 'null') end, case when old.xp is distinct from new.xp then '"xp":' || coalesce(to_json(old.xp)::text, 'null') end, case when old.granted_at is distinct from new.granted_at then '"granted_at":' || coalesce(to_json(old.granted_at)::text, 'null') end, case when old.granted_on is distinct from new.granted_on then '"granted_on":' || coalesce(to_json(old.granted_on)::text, 'null') end, case when old.skill_tree_id is distinct from new.skill_tree_id then '"skill_tree_id":' || coalesce(to_json(old.skill_tree_id)::text, 'null') end, case when old.category_id is distinct from new.category_id then '"category_id":' || coalesce(to_json(old.category_id)::text, 'null') end, case when old.difficulty is distinct from new.difficulty then '"difficulty":' || coalesce(to_json(old.difficulty)::text, 'null') end, case when old.skill_type is distinct from new.skill_type then '"skill_type":' || coalesce(to_json(old.skill_type)::text, 'null') end) || '}';
                after := '{' || concat_ws(',', case when old.user_id is distinct from new.user_id then '"user_id":' || coalesce(to_json(new.user_id)::text, 'null') end, case when old.source_kind is distinct from new.source_kind then '"source_kind":' || coalesce(to_json(new.source_kind)::text, 'null') end, case when old.source_id is distinct from new.source_id then '"source_id":' || coalesce(to_json(new.source_id)::text, 'null') end, case when old.id is distinct from new.id then '"id":' || coalesce(to_json(new.id)::text, 'null') end, case when old.xp is distinct from new.xp then '"xp":' || coalesce(to_json(new.xp)::text, 'null') end, case when old.granted_at is distinct from new.granted_at then '"granted_at":' || coalesce(to_json(new.granted_at)::text, 'null') end, case when old.granted_on is distinct from new.granted_on then '"granted_on":' || coalesce(to_json(new.granted_on)::text, 'null') end, case when old.skill_tree_id is distinct from new.skill_tree_id then '"skill_tree_id":' || coalesce(to_json(new.skill_tree_id)::text, 'null') end, case when old.category_id is distinct from new.category_id then '"category_id":' || coalesce(to_json(new.category_id)::text, 'null') end, case when old.difficulty is distinct from new.difficulty then '"difficulty":' || coalesce(to_json(new.difficulty)::text, 'null') end, case when old.skill_type is distinct from new.skill_type then '"skill_type":' || coalesce(to_json(new.skill_type)::text, 'null') end) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.user_id, 'xp_events', 'UPDATE', array[new.source_id::text], before, after);
                if (new.user_id, new.source_kind, new.source_id) is distinct from (old.user_id, old.source_kind, old.source_id) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.user_id, 'xp_events', 'UPDATE', array[old.source_id::text], before, after);
                end if;
            end if;
         return null; end $function$;

CREATE PROCEDURE public.protect_audit_partition(IN partition_name text)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $procedure$
begin
    execute format('revoke all on %I from app_service', partition_name);
    execute format('alter table %I enable row level security', partition_name);
    execute format('alter table %I force row level security', partition_name);
    execute format(
        'create policy %I on %I for all to current_user using (true) with check (true)',
        partition_name || '_owner', partition_name
    );
end
$procedure$;

CREATE PROCEDURE public.audit_table(IN table_name text, IN subject text, IN row_key text, IN unaudited text[] DEFAULT '{}'::text[], IN secret text[] DEFAULT '{}'::text[], IN is_ledger boolean DEFAULT false)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $procedure$
declare
    -- An entry itself shows who and when.
    noise constant text[] := array['updated_at', 'created_by', 'updated_by'];
    old_values text;
    new_values text;
    old_differences text;
    new_differences text;
    old_image text;
    row_image text;
    key_columns text;
    key_text text;
    insert_function text;
    update_function text;
    delete_function text;
    change record;
    function_name text;
begin
    with audited_column as (
        select
            pg_attribute.attnum as place,
            format('old.%I', pg_attribute.attname) as old_value,
            format('new.%I', pg_attribute.attname) as new_value,
            format('audited.%I', pg_attribute.attname) as value,
            pg_attribute.attname::text as name,
            pg_attribute.attname = any(secret) as is_secret
        from pg_attribute
        where pg_attribute.attrelid = table_name::regclass
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
            and pg_attribute.attgenerated = ''
            and pg_attribute.attname <> all(unaudited || noise)
    ),

    difference as (
        select
            audited_column.place,
            format(
                'case when %s is distinct from %s then %L || %%s end',
                audited_column.old_value, audited_column.new_value, to_json(audited_column.name) || ':'
            ) as template,
            case
                when audited_column.is_secret then quote_literal('"(secret)"')
                else format('coalesce(to_json(%s)::text, ''null'')', audited_column.old_value)
            end as old_text,
            case
                when audited_column.is_secret then quote_literal('"(secret)"')
                else format('coalesce(to_json(%s)::text, ''null'')', audited_column.new_value)
            end as new_text
        from audited_column
    )

    select
        string_agg(audited_column.old_value, ', ' order by audited_column.place),
        string_agg(audited_column.new_value, ', ' order by audited_column.place),
        string_agg(format(difference.template, difference.old_text), ', ' order by audited_column.place),
        string_agg(format(difference.template, difference.new_text), ', ' order by audited_column.place),
        string_agg(format('%L, %s', audited_column.name, audited_column.old_value), ', ' order by audited_column.place)
            filter (where not audited_column.is_secret),
        string_agg(format('%L, %s', audited_column.name, audited_column.value), ', ' order by audited_column.place)
            filter (where not audited_column.is_secret)
    into old_values, new_values, old_differences, new_differences, old_image, row_image
    from audited_column
    inner join difference on difference.place = audited_column.place;

    select string_agg(format('%1$s.%2$I', '%1$s', pg_attribute.attname), ', ' order by pg_attribute.attnum)
    into key_columns
    from pg_index
    inner join pg_attribute
        on pg_attribute.attrelid = pg_index.indrelid
            and pg_attribute.attnum = any(pg_index.indkey)
    where pg_index.indrelid = table_name::regclass
        and pg_index.indisprimary;

    -- A date is formatted explicitly, because its text depends on the session's DateStyle.
    select case when pg_attribute.atttypid = 'date'::regtype then 'to_char(%s, ''YYYY-MM-DD'')' else '%s::text' end
    into key_text
    from pg_attribute
    where pg_attribute.attrelid = table_name::regclass
        and pg_attribute.attname = row_key;

    -- Each kind of change has its own function. Finding the kind in one shared function would double the time.
    insert_function := format(
        $statement$
            for entry in
                select
                    new_row.%1$I as subject_id,
                    %3$s as row_keys
                from new_rows as new_row
                %4$s
            loop
                insert into audit_log (subject_id, table_name, action, row_keys)
                values (entry.subject_id, %2$L, 'INSERT', entry.row_keys);
            end loop;
        $statement$,
        subject, table_name,
        format(
            -- With an order, PostgreSQL sorts. Without one, it builds a hash table of arrays, which is slower.
            case when subject = row_key then 'array[%1$s]' else 'array_agg(%1$s order by new_row.%2$I)' end,
            format(key_text, format('new_row.%I', row_key)), row_key
        ),
        case when subject <> row_key then format('group by new_row.%I', subject) end
    );
    -- The function compares, because a condition of the trigger would keep columns from being dropped or changed in
    -- type. A row whose key has changed is listed under both keys.
    update_function := format(
        $statement$
            if (%9$s) is distinct from (%10$s) then
                before := '{' || concat_ws(',', %5$s) || '}';
                after := '{' || concat_ws(',', %6$s) || '}';
                insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                values (new.%1$I, %2$L, 'UPDATE', array[%3$s], before, after);
                if (%7$s) is distinct from (%8$s) then
                    insert into audit_log (subject_id, table_name, action, row_keys, before, after)
                    values (old.%1$I, %2$L, 'UPDATE', array[%4$s], before, after);
                end if;
            end if;
        $statement$,
        subject, table_name,
        format(key_text, format('new.%I', row_key)), format(key_text, format('old.%I', row_key)),
        old_differences, new_differences, format(key_columns, 'new'), format(key_columns, 'old'),
        old_values, new_values
    );
    delete_function := format(
        $statement$
            insert into audit_log (subject_id, table_name, action, row_keys, before)
            values (old.%1$I, %2$L, 'DELETE', array[%3$s], jsonb_build_object(%4$s));
        $statement$,
        subject, table_name, format(key_text, format('old.%I', row_key)), old_image
    );

    for change in
        select
            given.event,
            given.variables,
            given.body,
            given.scope
        from (
            values
            ('insert', 'entry record;', insert_function, 'referencing new table as new_rows for each statement'),
            ('update', 'before jsonb; after jsonb;', update_function, 'for each row'),
            ('delete', '', delete_function, 'for each row')
        ) as given (event, variables, body, scope)
    loop
        continue when is_ledger and change.event = 'insert';
        -- It runs with the owner's rights, because nobody else may write to the trail. 0016 explains why it sets
        -- `row_security`.
        function_name := format('audit_%s_of_%s', change.event, table_name);
        execute format(
            $create$
            create or replace function public.%I() returns trigger
            language plpgsql security definer
            set search_path = pg_catalog, public, pg_temp
            set row_security = on
            as $body$ declare %s begin %s return null; end $body$
            $create$,
            function_name, change.variables, change.body
        );
        execute format('revoke all on function %I() from public', function_name);
        execute format(
            'create or replace trigger %I after %s on %I %s execute function %I()',
            format('%s_audit_%s', table_name, change.event), change.event, table_name, change.scope, function_name
        );
    end loop;
    execute format(
        'create or replace trigger %I before truncate on %I for each statement execute function refuse_truncate(%L)',
        table_name || '_refuse_truncate', table_name, table_name
    );

    -- The present row as the trail shows it. audit/history goes back from it through the entries.
    execute format(
        $create$
        create or replace function public.audit_image(audited %1$I) returns jsonb
        language plpgsql stable
        set search_path = pg_catalog, public, pg_temp
        as $body$
        begin
            return jsonb_build_object(%2$s);
        end
        $body$
        $create$,
        table_name, row_image
    );
    execute format('revoke all on function audit_image(%I) from public', table_name);
    execute format('grant execute on function audit_image(%I) to app_service', table_name);
end
$procedure$;

CREATE PROCEDURE public.share_trail(IN table_name text, IN is_shared boolean)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $procedure$
declare
    change record;
begin
    for change in
        select
            pg_trigger.tgname as name,
            pg_get_functiondef(pg_trigger.tgfoid) as function_definition,
            regexp_replace(
                pg_get_triggerdef(pg_trigger.oid), ' WHEN \(.*\) EXECUTE FUNCTION ', ' EXECUTE FUNCTION '
            ) as definition
        from pg_trigger
        where pg_trigger.tgrelid = table_name::regclass
            and pg_trigger.tgname ~ '_audit_(insert|update|delete)$'
        order by pg_trigger.tgname
    loop
        execute format('drop trigger %I on %I', change.name, table_name);
        execute regexp_replace(
            change.function_definition, 'insert into (shared_)?audit_log ',
            case when is_shared then 'insert into shared_audit_log ' else 'insert into audit_log ' end, 'g'
        );
        execute replace(
            change.definition, ' EXECUTE FUNCTION ',
            case when is_shared then ' WHEN (public.is_first_copy()) EXECUTE FUNCTION ' else ' EXECUTE FUNCTION ' end
        );
    end loop;
end
$procedure$;
