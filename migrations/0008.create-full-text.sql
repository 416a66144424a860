-- Search: a word in the name weighs more than one in the description. Stored and generated, so that it can never be
-- stale.

alter table skill_trees add column search_document tsvector not null generated always as (
    setweight(to_tsvector('english', name), 'A')
    || setweight(to_tsvector('english', coalesce(description, '')), 'B')
) stored;

create index idx_tree_fulltext on skill_trees using gin (search_document) with (fastupdate = off);

alter table skills add column search_document tsvector not null generated always as (
    setweight(to_tsvector('english', name), 'A')
    || setweight(to_tsvector('english', coalesce(description, '')), 'B')
) stored;

create index idx_skill_fulltext on skills using gin (search_document) with (fastupdate = off);
