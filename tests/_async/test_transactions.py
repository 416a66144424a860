from contextlib import suppress
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import tuple_row

from _async.factories import add_category, add_skills, add_tree, add_user, all_rows_fingerprint, expect_refusal, value
from skilltree._async.repository import AsyncStep
from skilltree._core.queries import read
from skilltree.errors import (
    CyclicDependency,
    EmailTaken,
    InvalidDocument,
    InvalidValue,
    SkillNotFound,
    UnitOfWorkEnded,
    UnknownDependency,
)

UNKNOWN = UUID(int=0)


class Abandoned(Exception):
    """An exception of the caller's own."""


async def test_repositories_work_together_in_one_transaction(db, connection):
    async with db.transaction() as unit:
        user = await add_user(unit)
        category = await add_category(unit)
        tree = await unit.trees.create(category.id, name="Web", slug="web")
        html = await unit.skills.create(tree.id, name="HTML")
        await unit.sessions.start(user.id)
        assert (await unit.skills.get(html.id)).name == "HTML"
        assert await value(connection, "select count(*) from skills") == 0

    assert await db.skills.get(html.id) == html
    assert await db.users.get(user.id) == user
    assert len(await db.sessions.list_active(user.id)) == 1


async def test_an_error_that_leaves_the_block_rolls_back_all_of_it(db, connection, tree):
    async with expect_refusal(connection, Abandoned), db.transaction() as unit:
        await add_user(unit)
        await unit.skills.create(tree.id, name="HTML")
        await unit.trees.unpublish(tree.id)
        raise Abandoned


async def test_a_repository_error_that_leaves_the_block_rolls_back_all_of_it(db, connection, learner, tree):
    async with expect_refusal(connection, EmailTaken), db.transaction() as unit:
        await unit.skills.create(tree.id, name="HTML")
        await add_user(unit, "grace", email=learner.email)


async def test_an_error_found_before_anything_is_sent_leaves_the_unit_usable(db, tree):
    async with db.transaction() as unit:
        html = await unit.skills.create(tree.id, name="HTML")
        with pytest.raises(InvalidDocument):
            await unit.skills.update_content(html.id, {"type": "song"})
        with pytest.raises(SkillNotFound):
            await unit.skills.get(UNKNOWN)

    assert await db.skills.get(html.id) == html


async def test_nothing_runs_after_an_error_of_the_server(db, connection, learner):
    async with expect_refusal(connection) as refusal, db.transaction() as unit:
        with pytest.raises(EmailTaken):
            await add_user(unit, "grace", email=learner.email)
        await add_user(unit, "joan")

    assert refusal.value.sqlstate == "25P02"


async def test_an_error_in_a_savepoint_rolls_back_only_the_savepoint(db, connection, learner):
    async with db.transaction() as unit:
        await add_user(unit, "grace")
        async with expect_refusal(connection, EmailTaken), unit.transaction() as inner:
            await add_user(inner, "joan")
            await add_user(inner, "other", email=learner.email)
        await add_user(unit, "mary")

    assert await db.users.find_by_username("grace")
    assert await db.users.find_by_username("joan") is None
    assert await db.users.find_by_username("mary")


async def test_savepoints_nest(db, connection):
    async with db.transaction() as unit:
        async with expect_refusal(connection, Abandoned), unit.transaction() as inner:
            async with inner.transaction() as innermost:
                await add_user(innermost, "innermost")
            assert await inner.users.find_by_username("innermost")
            raise Abandoned
        assert await unit.users.find_by_username("innermost") is None
        async with unit.transaction() as inner:
            await add_user(inner, "inner")

    assert await db.users.find_by_username("inner")


async def test_a_released_savepoint_is_rolled_back_with_its_unit_of_work(db, connection):
    async with expect_refusal(connection, Abandoned), db.transaction() as unit:
        async with unit.transaction() as inner:
            await add_user(inner)
        raise Abandoned


async def test_a_graph_may_be_wrong_until_commit(db, connection, tree):
    html, css = await add_skills(db, tree, "html", css=["html"])

    async with db.transaction() as unit:
        await unit.skills.add_dependency(html.id, css.id)
        await unit.skills.remove_dependency(css.id, html.id)

    assert (await db.skills.get(html.id)).dependencies == (css.id,)


async def test_a_cycle_is_refused_at_the_end_of_the_block(db, connection, tree):
    html, css, js = await add_skills(db, tree, "html", "css", "js")
    reached = []

    async with expect_refusal(connection, CyclicDependency) as refusal, db.transaction() as unit:
        await unit.skills.add_dependency(css.id, html.id)
        await unit.skills.add_dependency(js.id, css.id)
        await unit.skills.add_dependency(html.id, js.id)
        reached.append("the end of the block")

    assert reached
    assert set(refusal.value.path) == {html.id, css.id, js.id}
    assert refusal.value.__cause__.sqlstate == "ST201"


async def test_an_unknown_dependency_is_refused_at_the_end_of_the_block(db, connection, tree):
    async with expect_refusal(connection, UnknownDependency) as refusal, db.transaction() as unit:
        await unit.skills.create(tree.id, name="HTML", dependencies=[UNKNOWN])

    assert refusal.value.ids == (UNKNOWN,)
    assert refusal.value.__cause__.sqlstate == "ST204"


async def test_methods_with_two_statements_work_in_a_unit_of_work(db, tree):
    html, css = await add_skills(db, tree, "html", "css")

    async with db.transaction() as unit:
        await unit.skills.set_dependencies(css.id, [html.id])
        await unit.skills.delete(html.id)
        with pytest.raises(SkillNotFound):
            await unit.skills.delete(UNKNOWN)

    assert [skill.name for skill in await db.skills.list_for_tree(tree.id)] == ["css"]


async def test_an_error_in_a_method_with_two_statements_can_be_rolled_back_to_a_savepoint(db, connection, tree):
    html, css = await add_skills(db, tree, "html", "css")

    async with db.transaction() as unit:
        await unit.skills.update(html.id, name="HTML 5")
        async with expect_refusal(connection, InvalidValue), unit.transaction() as inner:
            await inner.skills.set_dependencies(css.id, [html.id, html.id])

    assert (await db.skills.get(html.id)).name == "HTML 5"
    assert (await db.skills.get(css.id)).dependencies == ()


@pytest.mark.parametrize("ending", ["well", "badly"])
async def test_a_unit_of_work_cannot_be_used_after_its_end(db, connection, learner, ending):
    with suppress(Abandoned):
        async with db.transaction() as unit:
            if ending == "badly":
                raise Abandoned

    async with expect_refusal(connection, UnitOfWorkEnded):
        await unit.users.deactivate(learner.id)
    async with expect_refusal(connection, UnitOfWorkEnded), unit.transaction():
        raise AssertionError("not reached")


async def test_a_connection_returns_to_the_pool_clean_after_an_error(db, connection, learner):
    for _ in range(20):
        async with expect_refusal(connection, Abandoned), db.transaction() as unit:
            await add_category(unit)
            raise Abandoned

    assert db.statistics()["lent"] == 0
    assert await db.users.get(learner.id) == learner
    idle = "select count(*) from pg_stat_activity where datname = current_database() and state like '%%transaction%%'"
    assert await value(connection, idle) == 0


async def test_two_units_of_work_do_not_see_each_others_work_before_commit(db, learner):
    async with db.transaction() as first, db.transaction() as second:
        await first.users.update_profile(learner.id, bio="First")
        assert (await second.users.get_profile(learner.id)).bio is None
        assert (await db.users.get_profile(learner.id)).bio is None

    assert (await db.users.get_profile(learner.id)).bio == "First"


async def test_the_database_refuses_an_edge_written_on_one_side_by_any_client(db, connection, tree):
    html, css = await add_skills(db, tree, "html", "css")
    before = await all_rows_fingerprint(connection)

    with pytest.raises(psycopg.DatabaseError) as refusal:
        await connection.execute("update skills set dependencies = array[%s] where id = %s", [html.id, css.id])

    assert refusal.value.sqlstate == "ST206"
    assert await all_rows_fingerprint(connection) == before


async def test_a_tree_and_its_skills_can_be_created_in_one_transaction(db):
    async with db.transaction() as unit:
        tree = await add_tree(unit)
        await add_skills(unit, tree, "html", "css", layout=["html", "css"])

    loaded = await db.trees.load("web")
    assert [skill.name for skill in loaded.skills] == ["html", "css", "layout"]


async def test_a_refused_statement_leaves_the_next_one_usable_when_it_was_to_be_prepared(db):
    wrong = AsyncStep(read("trees/get"), {"tree_id": "no id"}, tuple_row)
    right = AsyncStep(read("categories/find_by_slug"), {"slug": "none"}, tuple_row)
    for _ in range(8):  # often enough for statements to be prepared
        assert await db.run([right]) == [[]]
        with pytest.raises(InvalidValue, match="invalid input syntax"):
            await db.run([wrong, right])
    assert db.statistics()["retries"] == 0
