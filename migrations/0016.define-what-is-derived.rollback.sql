-- Loses definitions only.

drop view achievement_standings;

drop view streaks;

drop view tree_standings;

drop index idx_skill_counted;
