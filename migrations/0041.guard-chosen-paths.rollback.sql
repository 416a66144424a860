-- Loses nothing.

drop trigger user_skill_tree_progress_check_path on user_skill_tree_progress;

drop trigger user_skill_tree_progress_check_new_path on user_skill_tree_progress;

drop function check_current_path();
