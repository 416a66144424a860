"""asyncpg with hand-written statements."""

import json
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from psycopg.conninfo import conninfo_to_dict

from tools.bench.peers import Brought
from tools.bench.statements import (
    BROUGHT,
    PAGE,
    STATEMENTS,
    Completed,
    Loaded,
    Row,
    Steps,
    completing,
    in_order,
    loading,
    page_and_cursor,
    percent,
    values,
)

T = TypeVar("T")

SQL = {name: statement.for_asyncpg for name, statement in STATEMENTS.items()}


def arguments(url: str) -> dict[str, Any]:
    """Return the arguments for asyncpg, which accepts only URLs and has its own names."""
    known = conninfo_to_dict(url)
    names = {"host": "host", "port": "port", "user": "user", "password": "password", "dbname": "database"}
    return {theirs: known[ours] for ours, theirs in names.items() if ours in known}


async def read_json(connection: Any) -> None:
    """Make a connection parse JSON, as psycopg does."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


class Asyncpg:
    """One connection, or a pool."""

    is_async = True
    name = "asyncpg"

    def __init__(self, url: str, size: int) -> None:
        self._arguments = arguments(url)
        self._size = size

    async def open(self) -> None:
        if self._size > 1:
            self._pool = await asyncpg.create_pool(
                **self._arguments, min_size=self._size, max_size=self._size, init=read_json
            )
        else:
            self._connection = await asyncpg.connect(**self._arguments)
            await read_json(self._connection)

    async def close(self) -> None:
        await (self._pool if self._size > 1 else self._connection).close()

    async def get(self, tree_id: UUID) -> Row:
        async with self._lent() as connection:
            return await connection.fetchrow(SQL["get_tree"], tree_id)

    async def load(self, slug: str, user_id: UUID) -> Loaded:
        async with self._lent() as connection:
            return await _run(connection, loading(slug, user_id))

    async def page(self) -> object:
        async with self._lent() as connection:
            return page_and_cursor(await connection.fetch(SQL["page_of_trees"], PAGE + 1))

    async def search(self, text: str) -> object:
        async with self._lent() as connection:
            return await connection.fetch(SQL["search_trees"], text)

    async def progress(self, user_id: UUID, tree_id: UUID) -> object:
        async with self._lent() as connection:
            return percent(*await connection.fetchrow(SQL["count_progress"], user_id, tree_id))

    async def missing(self, user_id: UUID, skill_id: UUID) -> object:
        async with self._lent() as connection:
            return in_order(await connection.fetch(SQL["missing"], user_id, skill_id), skill_id)

    async def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        async with self._lent() as connection, connection.transaction():
            return await _run(connection, completing(user_id, skill_id))

    async def bulk(self, rows: Brought, tree_id: UUID) -> int:
        async with self._lent() as connection, connection.transaction():
            await connection.execute(SQL["make_room"])
            await connection.copy_records_to_table("brought", records=map(values, rows), columns=BROUGHT)
            done: str = await connection.execute(SQL["take_over"])
            return int(done.rsplit(maxsplit=1)[-1])

    def _lent(self) -> AbstractAsyncContextManager[Any]:
        return self._pool.acquire() if self._size > 1 else nullcontext(self._connection)


async def _run(connection: Any, steps: Steps[T]) -> T:
    """Run the statements one by one."""
    try:
        name, params = next(steps)
        while True:
            rows = await connection.fetch(SQL[name], *(params[each] for each in STATEMENTS[name].parameters))
            name, params = steps.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result
