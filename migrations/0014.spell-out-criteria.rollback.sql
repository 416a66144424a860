-- Loses how far back-fills have come: one begun again starts over, and awards nobody twice.

drop table achievement_backfills;

alter table achievements drop column is_limited;

alter table achievements drop constraint achievements_for_skill_type_known;

alter table achievements drop constraint achievements_for_difficulty_known;

alter table achievements drop column for_skill_type;

alter table achievements drop column for_difficulty;

alter table achievements drop column for_tree_id;

alter table achievements drop column for_category_id;

alter table achievements drop column threshold;

alter table achievements drop column criterion;
