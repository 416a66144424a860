-- The active skills that match a search, best first, in every tree or in one.
--
-- Each skill is searched in the language of its tree; the last word may have only begun to be typed.
--
-- All skills that match are read, because the best are told by ranking them.
--
-- published  null searches drafts too
--
-- @sample tree_id: null
-- @notnull rank: a text that is null has no query, and finds nothing
-- @notnull snippet: it has a text, a query and a configuration
-- @budget buffers 2000
with recursive
-- The languages there are: each is a step in the index, however many trees there are in it.
spoken as (
    select min(skill_trees.language) as language
    from skill_trees
    union all
    select
        (
            select min(skill_trees.language)
            from skill_trees
            where skill_trees.language > spoken.language
        ) as language
    from spoken
    where spoken.language is not null
),

asked as materialized (
    select
        spoken.language,
        search_query(spoken.language, %(text)s::text, true) as query,
        search_query(spoken.language, %(text)s::text, false) as whole_query
    from spoken
    where spoken.language is not null
),

matching as (
    select
        asked.query,
        skills.language,
        skills.id,
        skills.skill_tree_id,
        skill_trees.slug as tree_slug,
        skills.name,
        skills.skill_type,
        skills.difficulty,
        skills.description,
        -- Whole words come before words that only begin so.
        ts_rank(skills.search_document, asked.whole_query)
        + ts_rank(skills.search_document, asked.query) / 100 as rank
    from asked
    inner join skills
        on
            skills.language = asked.language
            and skills.search_document @@ asked.query
    inner join skill_trees on skill_trees.id = skills.skill_tree_id
    where
        skills.is_active
        and (%(tree_id)s::uuid is null or skills.skill_tree_id = %(tree_id)s)
        and (%(published)s::boolean is null or skill_trees.is_published = %(published)s)
    order by rank desc, skills.name, skills.id
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
        -- Its time grows with the square of the length, and may outlast the time-out of a statement.
        left(concat_ws(': ', matching.name, matching.description), 2000),
        matching.query,
        'StartSel=**, StopSel=**, MaxFragments=2, MaxWords=20, MinWords=5'
    ) as snippet
from matching
order by matching.rank desc, matching.name, matching.id;
