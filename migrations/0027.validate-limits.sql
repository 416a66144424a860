-- Look at the rows that are there. Learners and authors go on meanwhile.
--
-- A row beyond a limit stops this migration, and the constraint in the error says which one it is. Nothing is cut for
-- you: find the rows with the condition of the constraint (\d in psql), such as
-- `select id from skills where pg_column_size(content) > 1000000`, shorten them, and migrate again.
alter table user_profiles validate constraint user_profiles_timezone_length;

alter table skill_trees validate constraint skill_trees_prerequisites_count;

alter table skills validate constraint skills_dependencies_count;

alter table skills validate constraint skills_dependents_count;

alter table user_skill_tree_progress validate constraint user_skill_tree_progress_milestones_reached_count;

alter table user_skill_tree_progress validate constraint user_skill_tree_progress_current_path_count;

alter table user_profiles validate constraint user_profiles_preferences_size;

alter table user_profiles validate constraint user_profiles_preferences_depth;

alter table skill_trees validate constraint skill_trees_layout_config_size;

alter table skill_trees validate constraint skill_trees_layout_config_depth;

alter table skill_trees validate constraint skill_trees_theme_config_size;

alter table skill_trees validate constraint skill_trees_theme_config_depth;

alter table skills validate constraint skills_content_size;

alter table skills validate constraint skills_content_depth;

alter table skills validate constraint skills_resources_size;

alter table skills validate constraint skills_resources_depth;

alter table skills validate constraint skills_assessments_size;

alter table skills validate constraint skills_assessments_depth;

alter table user_skill_progress validate constraint user_skill_progress_evidence_data_size;

alter table user_skill_progress validate constraint user_skill_progress_evidence_data_depth;

alter table user_skill_progress validate constraint user_skill_progress_struggling_indicators_size;

alter table user_skill_progress validate constraint user_skill_progress_struggling_indicators_depth;

alter table achievements validate constraint achievements_criteria_size;

alter table achievements validate constraint achievements_criteria_depth;

alter table user_achievements validate constraint user_achievements_metadata_size;

alter table user_achievements validate constraint user_achievements_metadata_depth;

alter table user_sessions validate constraint user_sessions_device_info_size;

alter table user_sessions validate constraint user_sessions_device_info_depth;
