"""The path that a learner has chosen through a tree."""

from contextlib import AsyncExitStack
from uuid import uuid4

import psycopg
import pytest

from _async.factories import add_skills, add_tree, add_user, expect_refusal, rows, value, wait_for_lock_waiters
from concurrency import in_background_async
from skilltree.errors import (
    InvalidValue,
    SkillInactive,
    SkillNotFound,
    TreeNotFound,
    TreeNotStarted,
    UserNotFound,
)


@pytest.fixture
async def ada(db):
    return await add_user(db)


@pytest.fixture
async def tree(db, ada):
    """A tree that ada has started."""
    tree = await add_tree(db)
    await add_skills(db, tree, "html", "css", layout=["html", "css"])
    await db.progress.start_tree(ada.id, tree.id)
    return tree


@pytest.fixture
async def skills(db, tree):
    return {skill.key: skill for skill in await db.skills.list_for_tree(tree.id)}


async def path_of(db, learner, tree):
    return (await db.progress.for_tree(learner.id, tree.id)).current_path


async def test_a_learner_sets_a_path_through_a_tree(app, db, ada, tree, skills):
    chosen = [skills["layout"].id, skills["html"].id]

    async with app.as_user(ada.id) as unit:
        progress = await unit.progress.set_current_path(ada.id, tree.id, chosen)

    assert progress.current_path == tuple(chosen)
    assert await path_of(db, ada, tree) == tuple(chosen)
    assert (await db.trees.load(tree.slug, ada.id)).progress.current_path == tuple(chosen)


async def test_a_new_path_replaces_the_first_and_an_empty_one_removes_it(db, ada, tree, skills):
    await db.progress.set_current_path(ada.id, tree.id, [skills["html"].id, skills["layout"].id])

    other = await db.progress.set_current_path(ada.id, tree.id, [skills["css"].id])
    none = await db.progress.set_current_path(ada.id, tree.id, [])

    assert other.current_path == (skills["css"].id,)
    assert none.current_path == ()


async def test_a_path_can_be_set_in_a_paused_or_completed_tree(db, ada, tree, skills):
    await db.progress.pause_tree(ada.id, tree.id)
    paused = await db.progress.set_current_path(ada.id, tree.id, [skills["html"].id])
    for key in ("html", "css", "layout"):
        await db.progress.complete_skill(ada.id, skills[key].id)

    completed = await db.progress.set_current_path(ada.id, tree.id, [skills["css"].id])

    assert (paused.status, paused.current_path) == ("PAUSED", (skills["html"].id,))
    assert (completed.status, completed.current_path) == ("COMPLETED", (skills["css"].id,))


async def test_setting_a_path_is_audited_unless_it_changes_nothing(db, connection, ada, tree, skills):
    await db.progress.set_current_path(ada.id, tree.id, [skills["html"].id])
    entries = "select count(*) from audit_log where table_name = 'user_skill_tree_progress'"
    before = await value(connection, entries)

    await db.progress.set_current_path(ada.id, tree.id, [skills["html"].id])

    assert await value(connection, entries) == before
    changed = (
        "select after -> 'current_path' from audit_log"
        " where table_name = 'user_skill_tree_progress' and action = 'UPDATE'"
    )
    assert await rows(connection, changed) == [([str(skills["html"].id)],)]


async def test_a_path_needs_a_started_tree(db, connection, tree, skills):
    grace = await add_user(db, "grace")

    async with expect_refusal(connection, TreeNotStarted, match=str(tree.id)):
        await db.progress.set_current_path(grace.id, tree.id, [skills["html"].id])


async def test_resetting_a_tree_removes_its_path(db, connection, ada, tree, skills):
    await db.progress.set_current_path(ada.id, tree.id, [skills["html"].id])

    await db.progress.reset_tree(ada.id, tree.id)

    assert await path_of(db, ada, tree) == ()
    async with expect_refusal(connection, TreeNotStarted):
        await db.progress.set_current_path(ada.id, tree.id, [skills["html"].id])


async def test_unknown_learners_and_trees_are_named(db, connection, ada, tree, skills):
    async with expect_refusal(connection, UserNotFound):
        await db.progress.set_current_path(uuid4(), tree.id, [skills["html"].id])
    async with expect_refusal(connection, TreeNotFound):
        await db.progress.set_current_path(ada.id, uuid4(), [skills["html"].id])


async def test_a_path_cannot_contain_a_skill_of_another_tree(db, connection, ada, tree, skills):
    (abroad,) = await add_skills(db, await add_tree(db, "other"), "abroad")

    for absent in (abroad.id, uuid4()):
        async with expect_refusal(connection, SkillNotFound, match=str(absent)):
            await db.progress.set_current_path(ada.id, tree.id, [skills["html"].id, absent])


async def test_a_path_cannot_contain_an_inactive_skill(db, connection, ada, tree, skills):
    await db.skills.deactivate(skills["css"].id)

    async with expect_refusal(connection, SkillInactive, match=str(skills["css"].id)):
        await db.progress.set_current_path(ada.id, tree.id, [skills["html"].id, skills["css"].id])


async def test_a_path_cannot_contain_a_skill_twice(db, connection, ada, tree, skills):
    async with expect_refusal(connection, InvalidValue, match="duplicates"):
        await db.progress.set_current_path(ada.id, tree.id, [skills["html"].id, skills["html"].id])


async def test_a_refused_path_leaves_the_unit_of_work_usable(app, db, ada, tree, skills):
    async with app.as_user(ada.id) as unit:
        with pytest.raises(SkillNotFound):
            await unit.progress.set_current_path(ada.id, tree.id, [uuid4()])
        await unit.progress.set_current_path(ada.id, tree.id, [skills["html"].id])

    assert await path_of(db, ada, tree) == (skills["html"].id,)


async def test_a_path_cannot_be_set_in_a_draft_that_the_learner_has_not_started(app, db, connection, ada):
    draft = await add_tree(db, "draft", published=False)
    (hidden,) = await add_skills(db, draft, "hidden")

    async with expect_refusal(connection, TreeNotFound), app.as_user(ada.id) as unit:
        await unit.progress.set_current_path(ada.id, draft.id, [hidden.id])


async def test_a_path_can_be_set_in_a_started_tree_that_became_a_draft(app, db, ada, tree, skills):
    await db.trees.unpublish(tree.id)

    async with app.as_user(ada.id) as unit:
        progress = await unit.progress.set_current_path(ada.id, tree.id, [skills["html"].id])

    assert progress.current_path == (skills["html"].id,)


@pytest.mark.parametrize("edit", ["delete", "deactivate", "update", "import"])
async def test_a_deactivated_skill_is_removed_from_paths(db, ada, tree, skills, edit):
    html, css, layout = (skills[key].id for key in ("html", "css", "layout"))
    await db.progress.set_current_path(ada.id, tree.id, [layout, css, html])
    curriculum = (await db.trees.export_tree(tree.slug)).model_dump(mode="json")

    if edit == "delete":
        await db.skills.delete(css)
    elif edit == "deactivate":
        await db.skills.deactivate(css)
    elif edit == "update":
        await db.skills.update(css, is_active=False)
    else:
        kept = [skill for skill in curriculum["skills"] if skill["key"] != "css"]
        for skill in kept:
            skill["dependencies"] = [key for key in skill["dependencies"] if key != "css"]
        await db.trees.import_tree({**curriculum, "skills": kept})

    assert await path_of(db, ada, tree) == (layout, html)
    assert await db.doctor.examine() == []


@pytest.mark.parametrize("statement", ["update", "insert"])
async def test_sql_cannot_set_a_path_through_another_tree(db, connection, ada, tree, statement):
    (abroad,) = await add_skills(db, await add_tree(db, "other"), "abroad")
    grace = await add_user(db, "grace")

    for absent in (abroad.id, uuid4()):
        with pytest.raises(psycopg.DatabaseError) as refusal:
            if statement == "update":
                await connection.execute("update user_skill_tree_progress set current_path = %s", ([absent],))
            else:
                await connection.execute(
                    "insert into user_skill_tree_progress (user_id, skill_tree_id, current_path) values (%s, %s, %s)",
                    (grace.id, tree.id, [absent]),
                )
        assert refusal.value.sqlstate == "ST208"
        assert str(absent) in refusal.value.diag.message_detail
    assert await path_of(db, ada, tree) == ()


async def test_a_path_set_while_its_skill_is_removed_does_not_contain_it(app, db, connection, ada, tree, skills):
    html, css = skills["html"].id, skills["css"].id

    async with AsyncExitStack() as until_gone, app.as_service(None) as author:
        await author.skills.deactivate(css)
        choice = await until_gone.enter_async_context(
            in_background_async(lambda: db.progress.set_current_path(ada.id, tree.id, [html, css]))
        )
        await wait_for_lock_waiters(connection)

    assert type(choice.exception()) is SkillInactive
    assert await path_of(db, ada, tree) == ()


async def test_a_skill_removed_while_a_path_is_set_leaves_the_path(app, db, connection, ada, tree, skills):
    html, css = skills["html"].id, skills["css"].id

    async with AsyncExitStack() as until_chosen, app.as_user(ada.id) as learner:
        await learner.progress.set_current_path(ada.id, tree.id, [html, css])
        edit = await until_chosen.enter_async_context(in_background_async(lambda: db.skills.delete(css)))
        await wait_for_lock_waiters(connection)

    assert edit.exception() is None
    assert await path_of(db, ada, tree) == (html,)
