"""psycopg and asyncpg with hand-written statements, and a validated Pydantic model for each row."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row, tuple_row
from pydantic import BaseModel, TypeAdapter

from skilltree.models.progress import CalculatedProgress, MissingPrerequisite, ProgressImport
from tools.bench import by_asyncpg, by_psycopg
from tools.bench.by_asyncpg import Asyncpg
from tools.bench.by_psycopg import COPY, AsyncPsycopg, Psycopg
from tools.bench.peers import Brought
from tools.bench.pydantic_models import MODELS
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
)

T = TypeVar("T")

ROWS = TypeAdapter(list[ProgressImport])
VALUES = attrgetter(*BROUGHT)
_FACTORIES = {name: class_row(model) for name, model in MODELS.items()}
_SQL = by_psycopg.SQL
_NUMBERED = by_asyncpg.SQL


class PydanticPsycopg(Psycopg):
    """psycopg, where ``class_row`` makes the models."""

    def __init__(self, url: str, size: int) -> None:
        super().__init__(url, size)
        self.name = "psycopg + Pydantic"

    def get(self, tree_id: UUID) -> Row:
        with self._lent() as connection, connection.cursor(row_factory=_FACTORIES["get_tree"]) as cursor:
            return cursor.execute(_SQL["get_tree"], {"tree_id": tree_id}).fetchone()

    def load(self, slug: str, user_id: UUID) -> Loaded:
        with self._lent() as connection:
            return _run(connection, loading(slug, user_id, BY_NAME))

    def page(self) -> object:
        with self._lent() as connection, connection.cursor(row_factory=_FACTORIES["page_of_trees"]) as cursor:
            return page_and_cursor(cursor.execute(_SQL["page_of_trees"], {"most": PAGE + 1}).fetchall(), BY_NAME)

    def search(self, text: str) -> object:
        with self._lent() as connection, connection.cursor(row_factory=_FACTORIES["search_trees"]) as cursor:
            return cursor.execute(_SQL["search_trees"], {"text": text}).fetchall()

    def progress(self, user_id: UUID, tree_id: UUID) -> object:
        counted: Any = super().progress(user_id, tree_id)
        return _counted(*counted)

    def missing(self, user_id: UUID, skill_id: UUID) -> Any:
        with self._lent() as connection:
            cursor = connection.execute(_SQL["missing"], {"user_id": user_id, "skill_id": skill_id})
            return _missing(cursor, skill_id)

    def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        with self._lent() as connection, connection.transaction():
            return _run(connection, completing(user_id, skill_id, BY_NAME))

    def bulk(self, rows: Brought, tree_id: UUID) -> int:
        validated = ROWS.validate_python(rows)
        with self._lent() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute(_SQL["make_room"])
            with cursor.copy(COPY) as copy:
                for row in validated:
                    copy.write_row(VALUES(row))
            return cursor.execute(_SQL["take_over"]).rowcount


class AsyncPydanticPsycopg(AsyncPsycopg):
    """The same with asyncio."""

    name = "psycopg + Pydantic"

    async def get(self, tree_id: UUID) -> Row:
        async with self._lent() as connection, connection.cursor(row_factory=_FACTORIES["get_tree"]) as cursor:
            await cursor.execute(_SQL["get_tree"], {"tree_id": tree_id})
            return await cursor.fetchone()

    async def load(self, slug: str, user_id: UUID) -> Loaded:
        async with self._lent() as connection:
            return await _arun(connection, loading(slug, user_id, BY_NAME))

    async def page(self) -> object:
        async with self._lent() as connection, connection.cursor(row_factory=_FACTORIES["page_of_trees"]) as cursor:
            await cursor.execute(_SQL["page_of_trees"], {"most": PAGE + 1})
            return page_and_cursor(await cursor.fetchall(), BY_NAME)

    async def search(self, text: str) -> object:
        async with self._lent() as connection, connection.cursor(row_factory=_FACTORIES["search_trees"]) as cursor:
            await cursor.execute(_SQL["search_trees"], {"text": text})
            return await cursor.fetchall()

    async def progress(self, user_id: UUID, tree_id: UUID) -> object:
        counted: Any = await super().progress(user_id, tree_id)
        return _counted(*counted)

    async def missing(self, user_id: UUID, skill_id: UUID) -> object:
        async with self._lent() as connection:
            cursor = await connection.execute(_SQL["missing"], {"user_id": user_id, "skill_id": skill_id})
            return _missing(await cursor.fetchall(), skill_id)

    async def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        async with self._lent() as connection, connection.transaction():
            return await _arun(connection, completing(user_id, skill_id, BY_NAME))

    async def bulk(self, rows: Brought, tree_id: UUID) -> int:
        validated = ROWS.validate_python(rows)
        async with self._lent() as connection, connection.transaction(), connection.cursor() as cursor:
            await cursor.execute(_SQL["make_room"])
            async with cursor.copy(COPY) as copy:
                for row in validated:
                    await copy.write_row(VALUES(row))
            return (await cursor.execute(_SQL["take_over"])).rowcount


class PydanticAsyncpg(Asyncpg):
    """asyncpg, whose records become models."""

    name = "asyncpg + Pydantic"

    async def get(self, tree_id: UUID) -> Row:
        return MODELS["get_tree"](**await super().get(tree_id))

    async def load(self, slug: str, user_id: UUID) -> Loaded:
        async with self._lent() as connection:
            return await _fetch(connection, loading(slug, user_id, BY_NAME))

    async def page(self) -> object:
        async with self._lent() as connection:
            rows = await connection.fetch(_NUMBERED["page_of_trees"], PAGE + 1)
            return page_and_cursor(_modelled("page_of_trees", rows), BY_NAME)

    async def search(self, text: str) -> object:
        async with self._lent() as connection:
            return _modelled("search_trees", await connection.fetch(_NUMBERED["search_trees"], text))

    async def progress(self, user_id: UUID, tree_id: UUID) -> object:
        counted: Any = await super().progress(user_id, tree_id)
        return _counted(*counted)

    async def missing(self, user_id: UUID, skill_id: UUID) -> object:
        async with self._lent() as connection:
            return _missing(await connection.fetch(_NUMBERED["missing"], user_id, skill_id), skill_id)

    async def complete(self, user_id: UUID, skill_id: UUID) -> Completed:
        async with self._lent() as connection, connection.transaction():
            return await _fetch(connection, completing(user_id, skill_id, BY_NAME))

    async def bulk(self, rows: Brought, tree_id: UUID) -> int:
        validated = ROWS.validate_python(rows)
        async with self._lent() as connection, connection.transaction():
            await connection.execute(_NUMBERED["make_room"])
            await connection.copy_records_to_table("brought", records=map(VALUES, validated), columns=BROUGHT)
            done: str = await connection.execute(_NUMBERED["take_over"])
            return int(done.rsplit(maxsplit=1)[-1])


def _counted(total: int, completed: int, share: float) -> CalculatedProgress:
    return CalculatedProgress(total=total, completed=completed, percent=share)


def _missing(rows: Iterable[Row], skill_id: UUID) -> list[MissingPrerequisite]:
    names = tuple(MissingPrerequisite.model_fields)
    return [MissingPrerequisite.model_validate(dict(zip(names, row, strict=True))) for row in in_order(rows, skill_id)]


def _modelled(name: str, rows: Iterable[Row]) -> list[BaseModel]:
    model = MODELS[name]
    return [model(**row) for row in rows]


def _run(connection: Connection[Any], steps: Steps[T]) -> T:
    """Run the statements one by one."""
    try:
        name, params = next(steps)
        while True:
            cursor = connection.cursor(row_factory=_FACTORIES.get(name, tuple_row))
            cursor.execute(_SQL[name], params)
            name, params = steps.send(cursor.fetchall() if cursor.description else [])
    except StopIteration as end:
        result: T = end.value
        return result


async def _arun(connection: AsyncConnection[Any], steps: Steps[T]) -> T:
    try:
        name, params = next(steps)
        while True:
            cursor = connection.cursor(row_factory=_FACTORIES.get(name, tuple_row))
            await cursor.execute(_SQL[name], params)
            name, params = steps.send(await cursor.fetchall() if cursor.description else [])
    except StopIteration as end:
        result: T = end.value
        return result


async def _fetch(connection: Any, steps: Steps[T]) -> T:
    try:
        name, params = next(steps)
        while True:
            rows = await connection.fetch(_NUMBERED[name], *(params[each] for each in STATEMENTS[name].parameters))
            name, params = steps.send(_modelled(name, rows) if name in MODELS else rows)
    except StopIteration as end:
        result: T = end.value
        return result
