-- No row may grow without end: how many ids a list may hold, and how large and how deep a document may be. What is text
-- has had its limits from the start.
--
-- Each is checked whenever anything of its row changes, so that it has to cost nothing. The size is that of the value
-- as it is stored, which is known without reading it; compressed, it is smaller than it was when it was written.
--
-- A document of 100 levels still fits into what it is read within (pydantic reads 200). A level takes at least eight
-- bytes, so that small documents need not be looked into.
--
-- Not valid yet: the next migration looks at the rows that are there, and keeps nobody from writing meanwhile.

alter table user_profiles add constraint user_profiles_timezone_length
check (char_length(timezone) <= 100) not valid;

alter table skill_trees add constraint skill_trees_prerequisites_count
check (cardinality(prerequisites) <= 10000) not valid;

alter table skills add constraint skills_dependencies_count
check (cardinality(dependencies) <= 10000) not valid;

alter table skills add constraint skills_dependents_count
check (cardinality(dependents) <= 10000) not valid;

alter table user_skill_tree_progress add constraint user_skill_tree_progress_milestones_reached_count
check (cardinality(milestones_reached) <= 10000) not valid;

alter table user_skill_tree_progress add constraint user_skill_tree_progress_current_path_count
check (cardinality(current_path) <= 10000) not valid;

alter table user_profiles add constraint user_profiles_preferences_size
check (pg_column_size(preferences) <= 100000) not valid;

alter table user_profiles add constraint user_profiles_preferences_depth
check (pg_column_size(preferences) < 800 or not jsonb_path_exists(preferences, '$.**{100}')) not valid;

alter table skill_trees add constraint skill_trees_layout_config_size
check (pg_column_size(layout_config) <= 100000) not valid;

alter table skill_trees add constraint skill_trees_layout_config_depth
check (pg_column_size(layout_config) < 800 or not jsonb_path_exists(layout_config, '$.**{100}')) not valid;

alter table skill_trees add constraint skill_trees_theme_config_size
check (pg_column_size(theme_config) <= 100000) not valid;

alter table skill_trees add constraint skill_trees_theme_config_depth
check (pg_column_size(theme_config) < 800 or not jsonb_path_exists(theme_config, '$.**{100}')) not valid;

alter table skills add constraint skills_content_size
check (pg_column_size(content) <= 1000000) not valid;

alter table skills add constraint skills_content_depth
check (pg_column_size(content) < 800 or not jsonb_path_exists(content, '$.**{100}')) not valid;

alter table skills add constraint skills_resources_size
check (pg_column_size(resources) <= 1000000) not valid;

alter table skills add constraint skills_resources_depth
check (pg_column_size(resources) < 800 or not jsonb_path_exists(resources, '$.**{100}')) not valid;

alter table skills add constraint skills_assessments_size
check (pg_column_size(assessments) <= 1000000) not valid;

alter table skills add constraint skills_assessments_depth
check (pg_column_size(assessments) < 800 or not jsonb_path_exists(assessments, '$.**{100}')) not valid;

alter table user_skill_progress add constraint user_skill_progress_evidence_data_size
check (pg_column_size(evidence_data) <= 1000000) not valid;

alter table user_skill_progress add constraint user_skill_progress_evidence_data_depth
check (pg_column_size(evidence_data) < 800 or not jsonb_path_exists(evidence_data, '$.**{100}')) not valid;

alter table user_skill_progress add constraint user_skill_progress_struggling_indicators_size
check (pg_column_size(struggling_indicators) <= 100000) not valid;

alter table user_skill_progress add constraint user_skill_progress_struggling_indicators_depth
check (
    pg_column_size(struggling_indicators) < 800 or not jsonb_path_exists(struggling_indicators, '$.**{100}')
) not valid;

alter table achievements add constraint achievements_criteria_size
check (pg_column_size(criteria) <= 10000) not valid;

alter table achievements add constraint achievements_criteria_depth
check (pg_column_size(criteria) < 800 or not jsonb_path_exists(criteria, '$.**{100}')) not valid;

alter table user_achievements add constraint user_achievements_metadata_size
check (pg_column_size(metadata) <= 100000) not valid;

alter table user_achievements add constraint user_achievements_metadata_depth
check (pg_column_size(metadata) < 800 or not jsonb_path_exists(metadata, '$.**{100}')) not valid;

alter table user_sessions add constraint user_sessions_device_info_size
check (pg_column_size(device_info) <= 100000) not valid;

alter table user_sessions add constraint user_sessions_device_info_depth
check (pg_column_size(device_info) < 800 or not jsonb_path_exists(device_info, '$.**{100}')) not valid;
