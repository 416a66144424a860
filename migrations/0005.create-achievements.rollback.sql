-- Loses every achievement and every award.

drop table user_achievements;

drop table achievements;
