"""What a cancelled task leaves behind. Only tasks can be cancelled, so there is no sync twin."""

import asyncio

import psycopg
import pytest

from skilltree import AsyncDatabase

WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
UNDER_WAY = "select count(*) from pg_stat_activity where datname = current_database() and state <> 'idle'"


@pytest.fixture
async def connection(migrated_url):
    async with await psycopg.AsyncConnection.connect(migrated_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def db(migrated_url):
    async with AsyncDatabase(migrated_url, min_size=1, max_size=1, timeout=5) as db:
        yield db


async def wait_until(connection, question, answer):
    async with asyncio.timeout(10):
        while (await (await connection.execute(question)).fetchone()) != (answer,):
            await connection.execute("select pg_sleep(0.005)")


async def add_category(db):
    return await db.categories.create(name="Art", slug="art")


async def test_a_cancelled_statement_returns_its_connection_clean(db, connection):
    art = await add_category(db)
    async with connection.transaction():
        await connection.execute("select from skill_categories for update")
        waiting = asyncio.create_task(db.categories.update(art.id, name="Changed"))
        async with await psycopg.AsyncConnection.connect(connection.info.dsn, autocommit=True) as observer:
            await wait_until(observer, WAITING, 1)

        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert await db.categories.find_by_slug("art") == art
    assert db.statistics()["lent"] == 0
    assert db.statistics()["pool_size"] == 1


async def test_a_cancelled_unit_of_work_is_rolled_back_and_returns_its_connection(db, connection):
    inside = asyncio.Event()

    async def work():
        async with db.transaction() as unit:
            await add_category(unit)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await db.categories.list() == []
    assert db.statistics()["lent"] == 0


async def test_a_unit_of_work_cancelled_while_waiting_for_a_lock_is_rolled_back(db, connection):
    art = await add_category(db)

    async def work():
        async with db.transaction() as unit:
            await unit.categories.create(name="Other", slug="other")
            await unit.categories.update(art.id, name="Changed")

    async with connection.transaction():
        await connection.execute("select from skill_categories for update")
        task = asyncio.create_task(work())
        async with await psycopg.AsyncConnection.connect(connection.info.dsn, autocommit=True) as observer:
            await wait_until(observer, WAITING, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert await db.categories.list() == [art]


async def test_a_cancelled_method_with_two_statements_is_rolled_back(db, connection):
    category = await add_category(db)
    tree = await db.trees.create(category.id, name="Web", slug="web")
    html = await db.skills.create(tree.id, name="HTML")

    async with await psycopg.AsyncConnection.connect(connection.info.dsn, autocommit=True) as observer:
        async with connection.transaction():
            await connection.execute("select from skills for update")
            task = asyncio.create_task(db.skills.delete(html.id))
            await wait_until(observer, WAITING, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await wait_until(observer, UNDER_WAY, 1)

    assert await db.skills.get(html.id) == html


async def test_a_caller_cancelled_while_waiting_for_a_connection_takes_none(db):
    async with db.transaction():
        waiting = asyncio.create_task(add_category(db))
        for _ in range(10):
            await asyncio.sleep(0)
        assert db.statistics()["requests_waiting"] == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert await db.categories.list() == []
    assert db.statistics()["lent"] == 0


async def test_a_timeout_around_a_call_leaves_the_pool_usable(db, connection):
    art = await add_category(db)

    async with connection.transaction():
        await connection.execute("select from skill_categories for update")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await db.categories.update(art.id, name="Changed")

    for _ in range(5):
        assert await db.categories.list() == [art]
