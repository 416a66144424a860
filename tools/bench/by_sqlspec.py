"""SQLSpec with hand-written statements, which turns each row into a msgspec struct, as its documentation advises.

It uses psycopg for sync code and asyncpg for async code, each with SQLSpec's own pool, also on one connection.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlspec import SQLResult, SQLSpec
from sqlspec.adapters.asyncpg import AsyncpgConfig
from sqlspec.adapters.psycopg import PsycopgSyncConfig

from tools.bench.by_asyncpg import arguments
from tools.bench.msgspec_models import MODELS, Counted, Missing, ToImport
from tools.bench.peers import Brought
from tools.bench.statements import (
    BROUGHT,
    BY_NAME,
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
)

T = TypeVar("T")

_VALUES = attrgetter(*BROUGHT)


def _spec() -> SQLSpec:
    spec = SQLSpec()
    for name, statement in STATEMENTS.items():
        spec.add_named_sql(name, statement.sql, dialect="postgres")
    return spec


class Sqlspec:
    """A session of the pool for each operation."""

    is_async = False
    name = "SQLSpec + msgspec"

    def __init__(self, url: str, size: int) -> None:
        self._spec = _spec()
        settings = {"conninfo": url, "autocommit": True, "min_size": size, "max_size": size}
        self._config = self._spec.add_config(PsycopgSyncConfig(connection_config=settings))

    def open(self) -> None:
        self._config.create_pool()

    def close(self) -> None:
        self._config.close_pool()

    def get(self, tree_id: UUID) -> object:
        with self._session() as session:
            return session.select_one(self._spec.get_sql("get_tree"), tree_id=tree_id, schema_type=MODELS["get_tree"])

    def load(self, slug: str, user_id: UUID) -> Loaded:
        with self._session() as session:
            return self._run(session, loading(slug, user_id, BY_NAME))

    def page(self) -> object:
        with self._session() as session:
            statement = self._spec.get_sql("page_of_trees")
            return page_and_cursor(
                session.select(statement, most=PAGE + 1, schema_type=MODELS["page_of_trees"]), BY_NAME
            )

    def search(self, text: str) -> object:
        with self._session() as session:
            return session.select(self._spec.get_sql("search_trees"), text=text, schema_type=MODELS["search_trees"])

    def progress(self, user_id: UUID, tree_id: UUID) -> object:
        with self._session() as session:
            row = session.select_one(self._spec.get_sql("count_progress"), user_id=user_id, tree_id=tree_id)
            return _counted(row)

    def missing(self, user_id: UUID, skill_id: UUID) -> object:
        with self._session() as session:
            rows = session.select(self._spec.get_sql("missing"), user_id=user_id, skill_id=skill_id)
            return _missing(rows, skill_id)

    def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        with self._session() as session, session.transaction():
            return self._run(session, completing(user_id, skill_id, BY_NAME))

    def bulk(self, rows: Brought, tree_id: UUID) -> object:
        with self._session() as session, session.transaction():
            session.execute_many(self._spec.get_sql("add_progress"), _to_import(rows, tree_id))
            return len(rows)

    def _session(self) -> Any:
        return self._spec.provide_session(self._config)

    def _run(self, session: Any, steps: Steps[T]) -> T:
        """Run the statements one by one."""
        try:
            name, params = next(steps)
            while True:
                found = session.execute(self._spec.get_sql(name), **params)
                name, params = steps.send(_rows(found, name))
        except StopIteration as end:
            result: T = end.value
            return result


class AsyncSqlspec:
    """The same with asyncio, on asyncpg."""

    is_async = True
    name = "SQLSpec + msgspec"

    def __init__(self, url: str, size: int) -> None:
        self._spec = _spec()
        settings = {**arguments(url), "min_size": size, "max_size": size}
        self._config = self._spec.add_config(AsyncpgConfig(connection_config=settings))

    async def open(self) -> None:
        await self._config.create_pool()

    async def close(self) -> None:
        await self._config.close_pool()

    async def get(self, tree_id: UUID) -> object:
        async with self._session() as session:
            statement = self._spec.get_sql("get_tree")
            return await session.select_one(statement, tree_id=tree_id, schema_type=MODELS["get_tree"])

    async def load(self, slug: str, user_id: UUID) -> Loaded:
        async with self._session() as session:
            return await self._run(session, loading(slug, user_id, BY_NAME))

    async def page(self) -> object:
        async with self._session() as session:
            statement = self._spec.get_sql("page_of_trees")
            rows = await session.select(statement, most=PAGE + 1, schema_type=MODELS["page_of_trees"])
            return page_and_cursor(rows, BY_NAME)

    async def search(self, text: str) -> object:
        async with self._session() as session:
            statement = self._spec.get_sql("search_trees")
            return await session.select(statement, text=text, schema_type=MODELS["search_trees"])

    async def progress(self, user_id: UUID, tree_id: UUID) -> object:
        async with self._session() as session:
            statement = self._spec.get_sql("count_progress")
            return _counted(await session.select_one(statement, user_id=user_id, tree_id=tree_id))

    async def missing(self, user_id: UUID, skill_id: UUID) -> object:
        async with self._session() as session:
            rows = await session.select(self._spec.get_sql("missing"), user_id=user_id, skill_id=skill_id)
            return _missing(rows, skill_id)

    async def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        async with self._session() as session, session.transaction():
            return await self._run(session, completing(user_id, skill_id, BY_NAME))

    async def bulk(self, rows: Brought, tree_id: UUID) -> object:
        async with self._session() as session, session.transaction():
            await session.execute_many(self._spec.get_sql("add_progress"), _to_import(rows, tree_id))
            return len(rows)

    def _session(self) -> Any:
        return self._spec.provide_session(self._config)

    async def _run(self, session: Any, steps: Steps[T]) -> T:
        try:
            name, params = next(steps)
            while True:
                found = await session.execute(self._spec.get_sql(name), **params)
                name, params = steps.send(_rows(found, name))
        except StopIteration as end:
            result: T = end.value
            return result


def _counted(row: dict[str, int]) -> Counted:
    return msgspec.convert(dict(zip(Counted.__struct_fields__, percent(**row), strict=True)), Counted)


def _missing(rows: Iterable[dict[str, object]], skill_id: UUID) -> list[Missing]:
    found = in_order(_tuples(rows), skill_id)
    names = Missing.__struct_fields__
    return msgspec.convert([dict(zip(names, row, strict=True)) for row in found], list[Missing])


def _rows(found: SQLResult, name: str) -> Sequence[Row]:
    """Return the rows of a statement as structs, or as tuples if it has none."""
    if name in MODELS:
        return found.get_data(schema_type=MODELS[name])
    return _tuples(found.get_data())


def _tuples(rows: Iterable[dict[str, object]]) -> Sequence[Row]:
    return [tuple(row.values()) for row in rows]


def _to_import(rows: Brought, tree_id: UUID) -> list[dict[str, object]]:
    return [
        dict(zip(BROUGHT, _VALUES(row), strict=True)) | {"tree_id": tree_id}
        for row in msgspec.convert(rows, list[ToImport])
    ]
