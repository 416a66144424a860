-- Loses the guard, not the prerequisites.

drop trigger skill_trees_prerequisites_are_valid on skill_trees;

drop function verify_tree_prerequisites();
