-- The active skills that match a search, best first, in every tree or in one.
--
-- Each skill is searched in the language of its tree. The last word may be a prefix.
--
-- All matching skills are read, because only ranking finds the best ones.
--
-- published  null also searches drafts
--
-- @drafts it asks all trees only for their languages
-- @sample tree_id: null
-- @notnull rank: a text that is null has no query, and finds nothing
-- @notnull snippet: it has a text, a query and a configuration
-- @budget buffers 730
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

-- A separate CTE. Otherwise the planner expects few rows from the other conditions, and reads all skills for them. They
-- are a column, because a condition on it lets the planner expect half of the rows, instead of so few that it compares
-- each skill with each tree.
found as materialized (
    select
        asked.query,
        asked.whole_query,
        skills.id,
        skills.skill_tree_id,
        skills.name,
        skills.skill_type,
        skills.difficulty,
        skills.description,
        skills.language,
        skills.search_document,
        skills.language = asked.language
        and skills.is_active
        and (%(tree_id)s::uuid is null or skills.skill_tree_id = %(tree_id)s) as is_meant
    from asked
    inner join skills on skills.search_document @@ asked.query
),

-- Read once, and not for each hit.
shown_tree as materialized (
    select
        visible_trees.id,
        visible_trees.slug
    from visible_trees
    where
        visible_trees.id in (select found.skill_tree_id from found)
        and (
            (select %(published)s::boolean) is null
            or visible_trees.is_published = (select %(published)s::boolean)
        )
),

matching as (
    select
        found.query,
        found.id,
        found.skill_tree_id,
        shown_tree.slug as tree_slug,
        found.name,
        found.skill_type,
        found.difficulty,
        found.description,
        found.language,
        -- Whole words rank above prefixes.
        ts_rank(found.search_document, found.whole_query)
        + ts_rank(found.search_document, found.query) / 100 as rank
    from found
    inner join shown_tree on shown_tree.id = found.skill_tree_id
    where found.is_meant
    order by rank desc, found.name, found.id
    limit
        %(limit)s
        offset %(offset)s
)

select
    matching.id,
    matching.skill_tree_id,
    matching.tree_slug,
    matching.name,
    matching.skill_type,
    matching.difficulty,
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
