-- Loses nothing but that rows from before are known to be in order.

alter table user_skill_progress drop constraint user_skill_progress_completed_at_agrees;

alter table user_skill_progress add constraint user_skill_progress_completed_at_agrees
check ((status = 'COMPLETED') = (completed_at is not null)) not valid;

alter table user_skill_progress drop constraint user_skill_progress_started_at_agrees;

alter table user_skill_progress add constraint user_skill_progress_started_at_agrees
check (started_at <= completed_at) not valid;

alter table user_skill_progress drop constraint user_skill_progress_unlocked_at_agrees;

alter table user_skill_progress add constraint user_skill_progress_unlocked_at_agrees
check (unlocked_at <= least(started_at, completed_at)) not valid;

alter table user_skill_progress drop constraint user_skill_progress_passing_score_waived_agrees;

alter table user_skill_progress add constraint user_skill_progress_passing_score_waived_agrees
check (not passing_score_waived or status = 'COMPLETED') not valid;

alter table user_skill_tree_progress drop constraint user_skill_tree_progress_completed_at_agrees;

alter table user_skill_tree_progress add constraint user_skill_tree_progress_completed_at_agrees
check ((status = 'COMPLETED') = (completed_at is not null)) not valid;

alter table user_skill_tree_progress drop constraint user_skill_tree_progress_started_at_agrees;

alter table user_skill_tree_progress add constraint user_skill_tree_progress_started_at_agrees
check (started_at <= completed_at) not valid;

alter table user_sessions drop constraint user_sessions_started_at_agrees;

alter table user_sessions add constraint user_sessions_started_at_agrees
check (started_at <= ended_at) not valid;
