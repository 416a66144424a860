-- Loses which attempts failed; how many there were stays.

alter table user_skill_progress drop constraint user_skill_progress_failed_attempts_range;

alter table user_skill_progress drop column failed_attempts;
