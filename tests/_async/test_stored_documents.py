"""Stored documents that an earlier version accepted, and that this version cannot read."""

import pytest

from _async.factories import add_achievement, add_skills, expect_refusal
from skilltree.errors import InvalidStoredDocument


async def spoil(connection, table, column, row_id, document, key="id"):
    """Store a document that only an earlier version could read."""
    await connection.execute(
        f"update {table} set {column} = %s::jsonb where {key} = %s",
        [document, row_id],
    )


async def test_an_unreadable_document_of_a_profile_is_named(db, connection, learner):
    await spoil(connection, "user_profiles", "preferences", learner.id, '{"theme": "sepia"}', key="user_id")

    async with expect_refusal(connection, InvalidStoredDocument, match=r"preferences\.theme: ") as refusal:
        await db.users.get_profile(learner.id)

    assert refusal.value.row == {"user_id": str(learner.id)}
    assert refusal.value.path == ("preferences", "theme")


async def test_an_unreadable_document_of_a_profile_can_be_replaced(db, connection, learner):
    await spoil(connection, "user_profiles", "preferences", learner.id, '{"theme": "sepia"}', key="user_id")

    mended = await db.users.update_profile(learner.id, preferences={"theme": "dark"})

    assert mended.preferences.theme == "dark"
    assert await db.users.get_profile(learner.id) == mended


async def test_loading_a_tree_names_the_skill_with_an_unreadable_document(db, connection, learner, tree):
    _, css, _ = await add_skills(db, tree, "html", "css", "layout")
    await spoil(connection, "skills", "content", css.id, '{"type": "structured", "modules": [{"title": "x"}]}')

    async with expect_refusal(connection, InvalidStoredDocument) as refusal:
        await db.trees.load(tree.slug, learner.id)

    assert refusal.value.row == {"id": str(css.id)}
    assert refusal.value.path[-4:-1] == ("content", "modules", 0)
    await db.skills.update_content(css.id, content={"type": "simple"})
    assert len((await db.trees.load(tree.slug, learner.id)).skills) == 3


async def test_a_list_names_the_row_with_an_unreadable_document(db, connection):
    await add_achievement(db, "Good")
    bad = await add_achievement(db, "Bad")
    criteria = '{"type": "xp_threshold", "threshold": 5, "additionalParams": {"planet": "Mars"}}'
    await spoil(connection, "achievements", "criteria", bad.id, criteria)

    async with expect_refusal(connection, InvalidStoredDocument, match="criteria") as refusal:
        await db.achievements.list()

    assert refusal.value.row["id"] == str(bad.id)


async def test_learners_can_work_while_an_achievement_has_an_unreadable_document(db, connection, learner, tree):
    (html,) = await add_skills(db, tree, "html")
    bad = await add_achievement(db, "Bad", criteria={"type": "xp_threshold", "threshold": 5})
    criteria = '{"type": "xp_threshold", "threshold": 5, "additionalParams": {"planet": "Mars"}}'
    await spoil(connection, "achievements", "criteria", bad.id, criteria)

    done = await db.progress.complete_skill(learner.id, html.id)

    assert [earned.name for earned in done.achievements] == ["Bad"]
    with pytest.raises(InvalidStoredDocument):
        await db.achievements.standings(learner.id)
