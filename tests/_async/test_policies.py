"""Row-level security does not slow searches: for a learner they use the same indexes and buffers as for the owner."""

import pytest

from _async.factories import add_skills, add_tree, add_user, rows
from skilltree._core.queries import read

PUBLISHED = {"published": True, "limit": 20, "offset": 0}

SEARCHES = {
    "trees/search": ({**PUBLISHED, "text": "rareword"}, "idx_tree_fulltext"),
    "skills/search": ({**PUBLISHED, "text": "rareword", "tree_id": None}, "idx_skill_fulltext"),
    "trees/list": (
        {
            **dict.fromkeys(("category_id", "difficulty", "any_tags", "featured", "after_id", "after_name")),
            "all_tags": ["rare"],
            "published": True,
            "limit": 20,
        },
        "idx_tree_tags",
    ),
}


@pytest.fixture
async def library(connection, db):
    """A catalogue large enough for a search without its index to read hundreds of buffers."""
    tree = await add_tree(db)
    await connection.execute(
        "insert into skill_trees (category_id, name, slug, description, tags, is_published)"
        " select %s, 'Tree ' || n, 'tree-' || n, repeat('common words ', 40),"
        " array[case when n %% 1000 = 0 then 'rare' else 'common' end], true from generate_series(1, 4000) as n",
        [tree.category_id],
    )
    await connection.execute(
        "insert into skills (skill_tree_id, name, description)"
        " select %s, case when n %% 2000 = 0 then 'Rareword ' else 'Skill ' end || n, repeat('common words ', 40)"
        " from generate_series(1, 6000) as n",
        [tree.id],
    )
    await connection.execute("update skill_trees set name = 'Rareword ' || slug where tags = '{rare}'")
    await connection.execute("vacuum analyze skill_trees, skills")
    return tree


async def plan(connection, name, params):
    """Return the buffers that a query reads, and the indexes it uses."""
    statement = b"explain (analyze, buffers, format json) " + read(name).statement
    for _ in range(2):
        ((plan,),) = await (await connection.execute(statement, params)).fetchone()
    return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"], sorted(indexes(plan["Plan"]))


def indexes(node):
    own = [node["Index Name"]] if "Index Name" in node else []
    return [*own, *(name for child in node.get("Plans", ()) for name in indexes(child))]


async def test_a_search_uses_its_index_under_row_level_security(connection, db, library, subtests):
    learner = await add_user(db)

    for name, (params, index) in SEARCHES.items():
        with subtests.test(name):
            as_owner = await plan(connection, name, params)
            async with connection.transaction():
                await rows(connection, "select begin_as_user(%s)", learner.id)
                as_learner = await plan(connection, name, params)

            assert as_learner == as_owner
            assert index in as_learner[1]
            assert as_learner[0] < 100


async def test_a_learners_own_rows_are_found_through_an_index(connection, db):
    tree = await add_tree(db)
    await add_skills(db, tree, "html")
    await connection.execute(
        "insert into users (email, username, password_hash)"
        " select n || '@example.org', n::text, '$2b$04$' || repeat('a', 53) from generate_series(1, 3000) as n"
    )
    await connection.execute("insert into user_profiles (user_id) select id from users")
    await connection.execute(
        "insert into user_skill_progress (user_id, skill_id, skill_tree_id, status)"
        " select users.id, skills.id, skills.skill_tree_id, 'AVAILABLE' from users cross join skills"
    )
    await connection.execute("vacuum analyze user_skill_progress")
    ((user_id,),) = await rows(connection, "select id from users order by id limit 1")

    async with connection.transaction():
        await rows(connection, "select begin_as_user(%s)", user_id)
        # A statement without a condition on the learner still reads the learner's own rows only.
        ((plan,),) = await (
            await connection.execute("explain (analyze, buffers, format json) select id from user_skill_progress")
        ).fetchone()

    assert plan["Plan"]["Actual Rows"] == 1
    assert plan["Plan"]["Shared Hit Blocks"] < 10
