-- Loses all achievements and awards.

drop view achievement_standings;

drop table achievement_backfills;

drop table user_achievements;

drop table achievements;
