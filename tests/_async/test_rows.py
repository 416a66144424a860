"""Rows of a database that does not match its description, and the validation of all rows on request."""

import pytest

from _async.factories import add_category
from skilltree import AsyncDatabase
from skilltree._async.repository import AsyncStep
from skilltree._core import rows
from skilltree._core.queries import read
from skilltree._core.scopes import writes, writes_by_its_text
from skilltree.errors import RowMismatch


async def test_a_database_that_lost_a_constraint_is_found_out(db, url, connection):
    await add_category(db)
    await connection.execute("alter table skill_categories alter column sort_order drop not null")
    await connection.execute("update skill_categories set sort_order = null")
    try:
        with pytest.raises(RowMismatch, match=r"(?s)Category: .*sort_order"):
            await db.categories.list()
    finally:
        await connection.execute("update skill_categories set sort_order = 0")
        await connection.execute("alter table skill_categories alter column sort_order set not null")


async def test_rows_are_validated_on_request(db, url, monkeypatch):
    category = await add_category(db)

    def refuse(*_):
        raise AssertionError

    monkeypatch.setattr(rows, "maker", refuse)
    rows.rows_of.cache_clear()
    async with AsyncDatabase(url, validate_rows=True) as careful:
        assert await careful.categories.list() == [category]
    with pytest.raises(AssertionError):
        await db.categories.list()


async def test_a_connection_keeps_no_rows_after_a_call(db):
    category = await add_category(db)
    read_rows = AsyncStep(
        read("categories/list"), {"include_inactive": True}, rows.rows_of(type(category), read("categories/list"))
    )
    unread = read_rows._replace(row_factory=None)
    counted = unread._replace(counts=True)
    for steps in ([read_rows], [unread], [counted], [unread, read_rows], [counted, unread]):
        await db.run(steps)
        assert await kept_results(db) == []
        await db.as_service().run(steps)
        assert await kept_results(db) == []
        async with db.transaction() as unit:
            await unit.run(steps)
        assert await kept_results(db) == []


async def kept_results(db):
    """Return the results that cursors of the connection still have, except of the functions that begin."""
    async with db._pool.connection() as connection:
        kept = [cursor for statement, cursor in connection._cursors.items() if b"/* roles/" not in statement]
    assert kept
    return [cursor.pgresult for cursor in kept if cursor.pgresult is not None]


def test_a_query_whose_function_writes_is_known_by_its_header():
    step = AsyncStep(read("audit/ensure_partitions"), {}, None)

    assert writes([step])
    assert not writes_by_its_text(step.query)
