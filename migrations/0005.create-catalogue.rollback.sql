-- Loses every category, every tree and every skill.

drop table skills;

drop table skill_trees;

drop table skill_categories;
