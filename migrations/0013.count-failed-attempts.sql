-- How many of the attempts failed: what authors learn a skill's failure rate from.

alter table user_skill_progress add column failed_attempts integer not null default 0;

alter table user_skill_progress add constraint user_skill_progress_failed_attempts_range
check (failed_attempts between 0 and attempts_count);
