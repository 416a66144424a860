-- Loses all categories, trees and skills.

drop table skills;

drop table skill_trees;

drop table skill_categories;
