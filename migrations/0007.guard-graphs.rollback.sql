-- Loses the checks of the graphs, but no edges. The stamps of skills stay, without a meaning.

drop trigger skill_trees_prerequisites_are_valid on skill_trees;

drop function verify_tree_prerequisites();

drop trigger skills_graph_is_valid on skills;

drop function verify_skill_graph();

drop trigger skills_stamp_graph_change on skills;

drop function stamp_skill_graph_change();

drop sequence skill_graph_changes;
