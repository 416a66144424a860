-- Loses a definition only.

drop view visible_trees;
