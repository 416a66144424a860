"""What every repository is made of: a query name, a model, parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from psycopg import AsyncCursor
from psycopg.rows import RowMaker, scalar_row

from skilltree._rows import Params, page_of, page_params, rows_of
from skilltree._sql import load
from skilltree.errors import NotFound
from skilltree.models.base import Model, Page

M = TypeVar("M", bound=Model)
T = TypeVar("T")

RowFactory = Callable[[AsyncCursor[Any]], RowMaker[T]]


class AsyncExecutor(ABC):
    """Something that executes statements: the database with its pool, or a unit of work on one connection."""

    @abstractmethod
    async def fetch(self, statements: tuple[bytes, ...], params: Params, row_factory: RowFactory[T]) -> list[T]:
        """Run the statements as one transaction, in one go, and return the rows of the last."""


class AsyncRepository:
    """The statements of one aggregate. It owns no connection and holds no rule."""

    def __init__(self, executor: AsyncExecutor) -> None:
        self._executor = executor

    async def _all(self, model: type[M], query: str, *, lock: str | None = None, **params: object) -> list[M]:
        """Return every row. A ``lock`` is a query that runs before: what it locked cannot change any more."""
        statements = (load(query),) if lock is None else (load(lock), load(query))
        return await self._executor.fetch(statements, params, rows_of(model))

    async def _find(self, model: type[M], query: str, *, lock: str | None = None, **params: object) -> M | None:
        """Return the row, or ``None``."""
        rows = await self._all(model, query, lock=lock, **params)
        return rows[0] if rows else None

    async def _one(
        self, model: type[M], query: str, *, missing: NotFound | None = None, lock: str | None = None, **params: object
    ) -> M:
        """Return the row, or raise ``missing``."""
        rows = await self._all(model, query, lock=lock, **params)
        if not rows:
            raise missing or NotFound()
        return rows[0]

    async def _page(
        self, model: type[M], query: str, *, order: tuple[str, ...], after: str | None, limit: int, **params: object
    ) -> Page[M]:
        """Return the rows that come after a cursor in this order (keyset pagination)."""
        placed = {**params, **page_params(model, order, after, limit)}
        return page_of(model, order, await self._executor.fetch((load(query),), placed, rows_of(model)), limit)

    async def _values(self, query: str, *, lock: str | None = None, **params: object) -> list[Any]:
        """Return the first column of every row."""
        statements = (load(query),) if lock is None else (load(lock), load(query))
        return await self._executor.fetch(statements, params, scalar_row)
