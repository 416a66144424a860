-- Loses the guard, not the graph: from here on nothing keeps dependencies and dependents in step.

drop trigger skills_graph_is_valid on skills;

drop function verify_skill_graph();

drop trigger skills_stamp_graph_change on skills;

drop function stamp_skill_graph_change();

drop index idx_skill_graph_change;

alter table skills drop column graph_change;

drop sequence skill_graph_changes;
