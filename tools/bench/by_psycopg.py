"""The floor: psycopg with hand-written statements and rows as tuples."""

from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg_pool import AsyncConnectionPool, ConnectionPool

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

SQL = {name: statement.for_psycopg for name, statement in STATEMENTS.items()}
COPY = f"copy brought ({', '.join(BROUGHT)}) from stdin".encode()


class Psycopg:
    """One bare connection, or a pool."""

    is_async = False

    def __init__(self, url: str, size: int, *, pooled: bool = False) -> None:
        self.name = "psycopg, pool" if pooled and size == 1 else "psycopg"
        self._url = url
        self._pool: ConnectionPool[Connection[Any]] | None = None
        if pooled or size > 1:
            self._pool = ConnectionPool(url, kwargs={"autocommit": True}, min_size=size, max_size=size, open=False)

    def open(self) -> None:
        if self._pool is None:
            self._connection = psycopg.connect(self._url, autocommit=True)
        else:
            self._pool.open(wait=True)

    def close(self) -> None:
        (self._connection if self._pool is None else self._pool).close()

    def get(self, tree_id: UUID) -> Row:
        with self._lent() as connection:
            return connection.execute(SQL["get_tree"], {"tree_id": tree_id}).fetchone()

    def load(self, slug: str, user_id: UUID) -> Loaded:
        with self._lent() as connection:
            return _run(connection, loading(slug, user_id))

    def page(self) -> object:
        with self._lent() as connection:
            return page_and_cursor(connection.execute(SQL["page_of_trees"], {"most": PAGE + 1}).fetchall())

    def search(self, text: str) -> object:
        with self._lent() as connection:
            return connection.execute(SQL["search_trees"], {"text": text}).fetchall()

    def progress(self, user_id: UUID, tree_id: UUID) -> object:
        with self._lent() as connection:
            cursor = connection.execute(SQL["count_progress"], {"user_id": user_id, "tree_id": tree_id})
            return percent(*cursor.fetchall()[0])

    def missing(self, user_id: UUID, skill_id: UUID) -> object:
        with self._lent() as connection:
            return in_order(connection.execute(SQL["missing"], {"user_id": user_id, "skill_id": skill_id}), skill_id)

    def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        with self._lent() as connection, connection.transaction():
            return _run(connection, completing(user_id, skill_id))

    def bulk(self, rows: Brought, tree_id: UUID) -> int:
        with self._lent() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute(SQL["make_room"])
            with cursor.copy(COPY) as copy:
                for row in rows:
                    copy.write_row(values(row))
            return cursor.execute(SQL["take_over"]).rowcount

    def _lent(self) -> AbstractContextManager[Connection[Any]]:
        return nullcontext(self._connection) if self._pool is None else self._pool.connection()


class PlainCopy(Psycopg):
    """COPY directly into the table. Only the table's owner can do this, and no error names the faulty row."""

    def __init__(self, url: str, size: int) -> None:
        super().__init__(url, size)
        self.name = "psycopg, plain COPY"

    def bulk(self, rows: Brought, tree_id: UUID) -> int:
        statement = f"copy user_skill_progress ({', '.join(BROUGHT)}, skill_tree_id) from stdin".encode()
        with self._lent() as connection, connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row((*values(row), tree_id))
            return cursor.rowcount


class AsyncPsycopg:
    """The same with asyncio."""

    is_async = True
    name = "psycopg"

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] | None = None

    async def open(self) -> None:
        if self._size > 1:
            self._pool = AsyncConnectionPool(
                self._url, kwargs={"autocommit": True}, min_size=self._size, max_size=self._size, open=False
            )
            await self._pool.open(wait=True)
        else:
            self._connection = await AsyncConnection.connect(self._url, autocommit=True)

    async def close(self) -> None:
        await (self._connection.close() if self._pool is None else self._pool.close())

    async def get(self, tree_id: UUID) -> Row:
        async with self._lent() as connection:
            return await (await connection.execute(SQL["get_tree"], {"tree_id": tree_id})).fetchone()

    async def load(self, slug: str, user_id: UUID) -> Loaded:
        async with self._lent() as connection:
            return await _arun(connection, loading(slug, user_id))

    async def page(self) -> object:
        async with self._lent() as connection:
            cursor = await connection.execute(SQL["page_of_trees"], {"most": PAGE + 1})
            return page_and_cursor(await cursor.fetchall())

    async def search(self, text: str) -> object:
        async with self._lent() as connection:
            return await (await connection.execute(SQL["search_trees"], {"text": text})).fetchall()

    async def progress(self, user_id: UUID, tree_id: UUID) -> object:
        async with self._lent() as connection:
            cursor = await connection.execute(SQL["count_progress"], {"user_id": user_id, "tree_id": tree_id})
            return percent(*(await cursor.fetchall())[0])

    async def missing(self, user_id: UUID, skill_id: UUID) -> object:
        async with self._lent() as connection:
            cursor = await connection.execute(SQL["missing"], {"user_id": user_id, "skill_id": skill_id})
            return in_order(await cursor.fetchall(), skill_id)

    async def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        async with self._lent() as connection, connection.transaction():
            return await _arun(connection, completing(user_id, skill_id))

    async def bulk(self, rows: Brought, tree_id: UUID) -> int:
        async with self._lent() as connection, connection.transaction(), connection.cursor() as cursor:
            await cursor.execute(SQL["make_room"])
            async with cursor.copy(COPY) as copy:
                for row in rows:
                    await copy.write_row(values(row))
            return (await cursor.execute(SQL["take_over"])).rowcount

    def _lent(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        return nullcontext(self._connection) if self._pool is None else self._pool.connection()


def _run(connection: Connection[Any], steps: Steps[T]) -> T:
    """Run the statements one by one."""
    try:
        name, params = next(steps)
        while True:
            cursor = connection.execute(SQL[name], params)
            name, params = steps.send(cursor.fetchall() if cursor.description else [])
    except StopIteration as end:
        result: T = end.value
        return result


async def _arun(connection: AsyncConnection[Any], steps: Steps[T]) -> T:
    try:
        name, params = next(steps)
        while True:
            cursor = await connection.execute(SQL[name], params)
            name, params = steps.send(await cursor.fetchall() if cursor.description else [])
    except StopIteration as end:
        result: T = end.value
        return result
