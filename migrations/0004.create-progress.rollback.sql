-- Loses every learner's progress.

drop table user_skill_progress;

drop table user_skill_tree_progress;
