-- Loses all progress in trees and skills.

drop function wait_briefly();

drop function hold_off_learners(uuid);

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
