-- Loses every category, tree and skill.

drop table skills;

drop table skill_trees;

drop table skill_categories;
