-- Loses nothing: the documents are generated from names and descriptions.

drop index idx_skill_fulltext;

alter table skills drop column search_document;

drop index idx_tree_fulltext;

alter table skill_trees drop column search_document;
