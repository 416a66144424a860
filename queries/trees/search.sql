-- The trees that match a search, best first, as a web search reads it ("exact phrase", or, -without).
--
-- @budget buffers 41
with matching as (
    select
        skill_trees.id,
        skill_trees.category_id,
        skill_trees.name,
        skill_trees.slug,
        skill_trees.difficulty,
        skill_trees.tags,
        skill_trees.description,
        ts_rank(skill_trees.search_document, websearch_to_tsquery('english', %(text)s::text)) as rank
    from skill_trees
    where
        skill_trees.search_document @@ websearch_to_tsquery('english', %(text)s::text)
        and (%(published)s::boolean is null or skill_trees.is_published = %(published)s)
    order by rank desc, skill_trees.name, skill_trees.id
    limit
        %(limit)s
        offset %(offset)s
)

select
    matching.id,
    matching.category_id,
    matching.name,
    matching.slug,
    matching.difficulty,
    matching.tags,
    matching.rank,
    ts_headline(
        'english',
        -- Its time grows with the square of the length, and may outlast the time-out of a statement.
        left(concat_ws(': ', matching.name, matching.description), 2000),
        websearch_to_tsquery('english', %(text)s::text),
        'StartSel=**, StopSel=**, MaxFragments=2, MaxWords=20, MinWords=5'
    ) as snippet
from matching
order by matching.rank desc, matching.name, matching.id;
