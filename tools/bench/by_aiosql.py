"""aiosql: the same statements, loaded from a file as an application would.

It uses psycopg for sync code and asyncpg for async code.
"""

from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Any, TypeVar
from uuid import UUID

import aiosql
import asyncpg
import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from tools.bench.by_asyncpg import arguments, read_json
from tools.bench.peers import Brought
from tools.bench.statements import (
    FILE,
    PAGE,
    Completed,
    Loaded,
    Row,
    Steps,
    completing,
    in_order,
    loading,
    page_and_cursor,
    percent,
)

T = TypeVar("T")


class Aiosql:
    """One connection of psycopg, or a pool."""

    is_async = False
    name = "aiosql"

    def __init__(self, url: str, size: int) -> None:
        # aiosql makes its methods from the file.
        self._queries: Any = aiosql.from_path(FILE, "psycopg")
        self._url = url
        self._pool: ConnectionPool[Connection[Any]] | None = None
        if size > 1:
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
            return self._queries.get_tree(connection, tree_id=tree_id)

    def load(self, slug: str, user_id: UUID) -> Loaded:
        with self._lent() as connection:
            return self._run(connection, loading(slug, user_id))

    def page(self) -> object:
        with self._lent() as connection:
            return page_and_cursor([*self._queries.page_of_trees(connection, most=PAGE + 1)])

    def search(self, text: str) -> object:
        with self._lent() as connection:
            return [*self._queries.search_trees(connection, text=text)]

    def progress(self, user_id: UUID, tree_id: UUID) -> object:
        with self._lent() as connection:
            return percent(*self._queries.count_progress(connection, user_id=user_id, tree_id=tree_id))

    def missing(self, user_id: UUID, skill_id: UUID) -> object:
        with self._lent() as connection:
            return in_order(self._queries.missing(connection, user_id=user_id, skill_id=skill_id), skill_id)

    def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        with self._lent() as connection, connection.transaction():
            return self._run(connection, completing(user_id, skill_id))

    def bulk(self, rows: Brought, tree_id: UUID) -> object:
        with self._lent() as connection, connection.transaction():
            return self._queries.add_progress(connection, [row | {"tree_id": tree_id} for row in rows])

    def _lent(self) -> AbstractContextManager[Connection[Any]]:
        return nullcontext(self._connection) if self._pool is None else self._pool.connection()

    def _run(self, connection: Connection[Any], steps: Steps[T]) -> T:
        try:
            name, params = next(steps)
            while True:
                found = getattr(self._queries, name)(connection, **params)
                name, params = steps.send([] if isinstance(found, int) else [*found])
        except StopIteration as end:
            result: T = end.value
            return result


class AsyncAiosql:
    """One connection of asyncpg, or a pool."""

    is_async = True
    name = "aiosql on asyncpg"

    def __init__(self, url: str, size: int) -> None:
        self._queries: Any = aiosql.from_path(FILE, "asyncpg")
        self._arguments = arguments(url)
        self._size = size

    async def open(self) -> None:
        if self._size > 1:
            sizes = {"min_size": self._size, "max_size": self._size}
            self._pool = await asyncpg.create_pool(**self._arguments, **sizes, init=read_json)
        else:
            self._connection = await asyncpg.connect(**self._arguments)
            await read_json(self._connection)

    async def close(self) -> None:
        await (self._pool if self._size > 1 else self._connection).close()

    async def get(self, tree_id: UUID) -> Row:
        async with self._lent() as connection:
            return await self._queries.get_tree(connection, tree_id=tree_id)

    async def load(self, slug: str, user_id: UUID) -> Loaded:
        async with self._lent() as connection:
            return await self._run(connection, loading(slug, user_id))

    async def page(self) -> object:
        async with self._lent() as connection:
            return page_and_cursor([row async for row in self._queries.page_of_trees(connection, most=PAGE + 1)])

    async def search(self, text: str) -> object:
        async with self._lent() as connection:
            return [row async for row in self._queries.search_trees(connection, text=text)]

    async def progress(self, user_id: UUID, tree_id: UUID) -> object:
        async with self._lent() as connection:
            return percent(*await self._queries.count_progress(connection, user_id=user_id, tree_id=tree_id))

    async def missing(self, user_id: UUID, skill_id: UUID) -> object:
        async with self._lent() as connection:
            rows = self._queries.missing(connection, user_id=user_id, skill_id=skill_id)
            return in_order([row async for row in rows], skill_id)

    async def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        async with self._lent() as connection, connection.transaction():
            return await self._run(connection, completing(user_id, skill_id))

    async def bulk(self, rows: Brought, tree_id: UUID) -> object:
        async with self._lent() as connection, connection.transaction():
            await self._queries.add_progress(connection, [row | {"tree_id": tree_id} for row in rows])
            return len(rows)

    def _lent(self) -> AbstractAsyncContextManager[Any]:
        return self._pool.acquire() if self._size > 1 else nullcontext(self._connection)

    async def _run(self, connection: Any, steps: Steps[T]) -> T:
        try:
            name, params = next(steps)
            while True:
                found = getattr(self._queries, name)(connection, **params)
                if hasattr(found, "__aiter__"):
                    rows = [row async for row in found]
                else:
                    rows = []
                    await found
                name, params = steps.send(rows)
        except StopIteration as end:
            result: T = end.value
            return result
