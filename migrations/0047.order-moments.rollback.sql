-- Takes back the rules of order. What was mended stays as it is.
--
-- @changes user_skill_progress: the moments that were mended stay so
-- @changes user_skill_tree_progress: the same
-- @changes user_sessions: the moments

alter table user_sessions drop constraint user_sessions_started_at_agrees;

alter table user_skill_tree_progress drop constraint user_skill_tree_progress_started_at_agrees;

alter table user_skill_tree_progress drop constraint user_skill_tree_progress_completed_at_agrees;

alter table user_skill_progress drop constraint user_skill_progress_passing_score_waived_agrees;

alter table user_skill_progress drop constraint user_skill_progress_unlocked_at_agrees;

alter table user_skill_progress drop constraint user_skill_progress_started_at_agrees;

alter table user_skill_progress drop constraint user_skill_progress_completed_at_agrees;
