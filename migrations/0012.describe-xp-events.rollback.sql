-- Loses what the completed skills were when they paid, and the learners' days; the XP stay.

alter table xp_events drop column skill_type;

alter table xp_events drop column difficulty;

alter table xp_events drop column category_id;

alter table xp_events drop column skill_tree_id;

alter table xp_events drop column granted_on;
