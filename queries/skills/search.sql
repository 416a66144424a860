-- The active skills that match a search, best first, in every tree or in one.
--
-- All skills that match are read, because the best are told by ranking them.
--
-- published  null searches drafts too
--
-- @sample tree_id: null
-- @budget buffers 2000
with matching as (
    select
        skills.id,
        skills.skill_tree_id,
        skill_trees.slug as tree_slug,
        skills.name,
        skills.skill_type,
        skills.difficulty,
        skills.description,
        ts_rank(skills.search_document, websearch_to_tsquery('english', %(text)s::text)) as rank
    from skills
    inner join skill_trees on skill_trees.id = skills.skill_tree_id
    where
        skills.search_document @@ websearch_to_tsquery('english', %(text)s::text)
        and skills.is_active
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
        'english',
        -- Its time grows with the square of the length, and may outlast the time-out of a statement.
        left(concat_ws(': ', matching.name, matching.description), 2000),
        websearch_to_tsquery('english', %(text)s::text),
        'StartSel=**, StopSel=**, MaxFragments=2, MaxWords=20, MinWords=5'
    ) as snippet
from matching
order by matching.rank desc, matching.name, matching.id;
