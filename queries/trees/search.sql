-- The trees that match a search, best first, in the syntax of web search engines ("exact phrase", or, -without). Each
-- tree is searched in its own language. The last word may be a prefix.
--
-- @drafts it asks all trees only for their languages
-- @notnull rank: a text that is null has no query, and finds nothing
-- @notnull snippet: it has a text, a query and a configuration
-- @budget buffers 60
with recursive
-- The existing languages. Each is one step in the index, however many trees have it.
spoken as (
    (
        select skill_trees.language
        from skill_trees
        order by skill_trees.language
        limit 1
    )
    union all
    select following.language
    from spoken
    cross join lateral (
        select skill_trees.language
        from skill_trees
        where skill_trees.language > spoken.language
        order by skill_trees.language
        limit 1
    ) as following
),

asked as materialized (
    select
        spoken.language,
        search_query(spoken.language, %(text)s::text, true) as query,
        search_query(spoken.language, %(text)s::text, false) as whole_query
    from spoken
),

-- The best of each language, and then the best of all.
matching as (
    select
        asked.query,
        best.id,
        best.category_id,
        best.name,
        best.slug,
        best.difficulty,
        best.tags,
        best.description,
        best.language,
        best.rank
    from asked
    cross join
        lateral (
            select
                skill_trees.id,
                skill_trees.category_id,
                skill_trees.name,
                skill_trees.slug,
                skill_trees.difficulty,
                skill_trees.tags,
                skill_trees.description,
                skill_trees.language,
                -- Whole words rank above prefixes.
                ts_rank(skill_trees.search_document, asked.whole_query)
                + ts_rank(skill_trees.search_document, asked.query) / 100 as rank
            from visible_trees as skill_trees
            where
                skill_trees.search_document @@ asked.query
                and skill_trees.language = asked.language
                and (%(published)s::boolean is null or skill_trees.is_published = %(published)s)
            order by rank desc, skill_trees.name, skill_trees.id
            limit %(limit)s::bigint + %(offset)s::bigint
        ) as best
    order by best.rank desc, best.name, best.id
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
        search_configuration(matching.language),
        -- Its time grows with the square of the length, and may exceed the statement timeout.
        left(concat_ws(': ', matching.name, matching.description), 2000),
        matching.query,
        'StartSel=**, StopSel=**, MaxFragments=2, MaxWords=20, MinWords=5'
    ) as snippet
from matching
order by matching.rank desc, matching.name, matching.id;
