-- Loses no data, but the protection: a role that may read a table then sees all its rows.

drop view visible_trees;

drop function is_in_tree(uuid);

drop policy achievement_backfills_service on achievement_backfills;

drop policy login_attempts_service on login_attempts;

drop policy levels_service on levels;

drop policy achievements_service on achievements;

drop policy skills_service on skills;

drop policy skill_trees_service on skill_trees;

drop policy skill_categories_service on skill_categories;

drop policy user_scores_service on user_scores;

drop policy user_achievements_service on user_achievements;

drop policy xp_events_service on xp_events;

drop policy user_activity_days_service on user_activity_days;

drop policy user_skill_progress_service on user_skill_progress;

drop policy user_skill_tree_progress_service on user_skill_tree_progress;

drop policy user_tokens_service on user_tokens;

drop policy user_sessions_service on user_sessions;

drop policy user_profiles_service on user_profiles;

drop policy users_service on users;

drop policy begun_trees_engine on begun_trees;

drop policy leaderboard_counts_engine on leaderboard_counts;

drop policy levels_read on levels;

drop policy achievements_read on achievements;

drop policy skills_read on skills;

drop policy skill_trees_read on skill_trees;

drop policy skill_categories_read on skill_categories;

drop policy login_attempts_own on login_attempts;

drop policy user_scores_own on user_scores;

drop policy user_achievements_own on user_achievements;

drop policy xp_events_own on xp_events;

drop policy user_activity_days_own on user_activity_days;

drop policy user_skill_progress_own on user_skill_progress;

drop policy user_skill_tree_progress_own on user_skill_tree_progress;

drop policy user_tokens_own on user_tokens;

drop policy user_sessions_own on user_sessions;

drop policy user_profiles_own on user_profiles;

drop policy users_own on users;

alter table achievement_backfills no force row level security, disable row level security;

alter table login_attempts no force row level security, disable row level security;

alter table begun_trees no force row level security, disable row level security;

alter table leaderboard_counts no force row level security, disable row level security;

alter table levels no force row level security, disable row level security;

alter table achievements no force row level security, disable row level security;

alter table skills no force row level security, disable row level security;

alter table skill_trees no force row level security, disable row level security;

alter table skill_categories no force row level security, disable row level security;

alter table user_scores no force row level security, disable row level security;

alter table user_achievements no force row level security, disable row level security;

alter table xp_events no force row level security, disable row level security;

alter table user_activity_days no force row level security, disable row level security;

alter table user_skill_progress no force row level security, disable row level security;

alter table user_skill_tree_progress no force row level security, disable row level security;

alter table user_tokens no force row level security, disable row level security;

alter table user_sessions no force row level security, disable row level security;

alter table user_profiles no force row level security, disable row level security;

alter table users no force row level security, disable row level security;
