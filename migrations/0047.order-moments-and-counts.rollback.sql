-- Takes back the rules of order. What was mended stays as it is.
--
-- @changes user_skill_progress: the moments that were mended stay so
-- @changes user_skill_tree_progress: the same
-- @changes user_profiles: the counts
-- @changes user_sessions: the moments
-- @changes user_tokens: what expired before it was made

alter table user_tokens drop constraint user_tokens_expires_at_agrees;

alter table user_sessions drop constraint user_sessions_started_at_agrees;

alter table user_profiles drop constraint user_profiles_trees_started_suffices;

alter table user_skill_tree_progress drop constraint user_skill_tree_progress_total_skills_suffices;

alter table user_skill_tree_progress drop constraint user_skill_tree_progress_started_at_agrees;

alter table user_skill_tree_progress drop constraint user_skill_tree_progress_completed_at_agrees;

alter table user_skill_progress drop constraint user_skill_progress_passing_score_waived_agrees;

alter table user_skill_progress drop constraint user_skill_progress_unlocked_at_agrees;

alter table user_skill_progress drop constraint user_skill_progress_started_at_agrees;

alter table user_skill_progress drop constraint user_skill_progress_completed_at_agrees;
