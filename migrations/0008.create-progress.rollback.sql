-- Loses all progress in trees and skills.

drop function hold_tree_as_author(uuid, boolean);

drop function hold_edits(uuid);

drop function wait_briefly();

drop function hold_off_learners(uuid);

drop function hold_learner(uuid);

drop function hold_trees_of_learner(uuid);

drop function hold_tree_as_learner(uuid);

drop function tree_of_slug(text);

drop function tree_of_skill(uuid);

drop function refuse_old_snapshot();

drop table begun_trees;

drop function judge_moment(timestamptz, timestamptz);

drop function late_window();

drop view tree_standings;

drop view unsatisfied_skills;

drop view skill_work;

drop table user_skill_progress;

drop table user_skill_tree_progress;

drop function check_current_path();
