-- Loses the languages of the trees: all are searched as English again.
--
-- @changes skills: the stamps of the graph's check are made anew

drop index idx_skill_fulltext;

alter table skills drop column search_document;

drop index idx_tree_fulltext;

alter table skill_trees drop column search_document;

alter table skills drop column language;

alter table skill_trees drop column language;

drop function search_query(text, text, boolean);

drop function search_document_of(text, text, text);

drop function fold_words(text, boolean);

drop function search_configuration(text);

alter table skill_trees add column search_document tsvector not null generated always as (
    setweight(to_tsvector('english', name), 'A')
    || setweight(to_tsvector('english', coalesce(description, '')), 'B')
) stored;

create index idx_tree_fulltext on skill_trees using gin (search_document) with (fastupdate = off);

alter table skills add column search_document tsvector not null generated always as (
    setweight(to_tsvector('english', name), 'A')
    || setweight(to_tsvector('english', coalesce(description, '')), 'B')
) stored;

-- The column that came after the one that is made anew. What it holds means nothing once its transaction has ended.
drop index idx_skill_graph_change;

alter table skills drop column graph_change;

alter table skills add column graph_change bigint[] not null default '{}';

create index idx_skill_graph_change on skills (skill_tree_id, graph_change);

create index idx_skill_fulltext on skills using gin (search_document) with (fastupdate = off);

call audit_table('skill_trees', 'id', 'id');

call audit_table('skills', 'id', 'id', '{dependents, graph_change}');
