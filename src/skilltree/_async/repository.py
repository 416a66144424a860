"""The base of all repositories: it runs a named query with parameters and returns models."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from psycopg import AsyncCursor
from psycopg.rows import RowMaker, scalar_row

from skilltree._core.arguments import check_arguments
from skilltree._core.pages import page_of, page_params
from skilltree._core.queries import Query, read
from skilltree._core.rows import Params, rows_of
from skilltree.errors import NotFound, SkillTreeError
from skilltree.models.base import Model, Page

M = TypeVar("M", bound=Model)
T = TypeVar("T")

LEARNERS_FOLLOW = ("progress/unlock_for_learners", "progress/refresh_learners")
"""The queries that update learners' progress after a tree's graph changes. They use tree_id, skill_id or slug."""

RowFactory = Callable[[AsyncCursor[Any]], RowMaker[T]]


class AsyncStep(NamedTuple):
    """A query of a transaction. Without a ``row_factory``, its rows are not read. A COPY sends ``rows``.

    ``is_main`` marks the query that an observer names the whole transaction after, if it is not the first.
    """

    query: Query
    params: Params
    row_factory: RowFactory[Any] | None
    rows: Iterable[Sequence[object]] | None = None
    is_main: bool = False


def step(query: str, params: Params, model: type[Model] | None = None, *, is_main: bool = False) -> AsyncStep:
    """Return a query as a step of a transaction. Its rows become models; without a model they are not read."""
    return AsyncStep(read(query), params, None if model is None else rows_of(model, read(query)), is_main=is_main)


class AsyncExecutor(ABC):
    """Runs statements: the database with its pool, or a unit of work on one connection."""

    is_unit_of_work = False

    @abstractmethod
    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        """Run the statements as one transaction, and return the rows of each; none for a step without a row factory.

        This takes one network round trip, except with a COPY, which PostgreSQL does not accept in a pipeline.
        """

    @abstractmethod
    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        """Run a statement, and yield its rows as they are read. It uses a connection until the last row."""


class AsyncRepository:
    """The statements of one aggregate. It owns no connection and holds no business rule."""

    def __init_subclass__(cls) -> None:
        check_arguments(cls)

    def __init__(self, executor: AsyncExecutor) -> None:
        self._executor = executor

    async def _fetch(
        self, row_factory: RowFactory[T], query: str, before: Sequence[str], after: Sequence[str], params: Params
    ) -> list[T]:
        """Run a query between others as one transaction, and return its rows."""
        steps = [step(name, params) for name in (*before, query, *after)]
        steps[len(before)] = AsyncStep(read(query), params, row_factory, is_main=True)
        rows: list[T] = (await self._executor.run(steps))[len(before)]
        return rows

    async def _all(
        self, model: type[M], query: str, *, before: Sequence[str] = (), after: Sequence[str] = (), **params: object
    ) -> list[M]:
        """Return every row.

        ``before`` and ``after`` are queries of the same transaction with the same parameters, for example to lock rows
        first or to update derived data afterwards.
        """
        return await self._fetch(rows_of(model, read(query)), query, before, after, params)

    async def _find(self, model: type[M], query: str, **params: object) -> M | None:
        """Return the row, or ``None``."""
        rows = await self._fetch(rows_of(model, read(query)), query, (), (), params)
        return rows[0] if rows else None

    async def _one(
        self,
        model: type[M],
        query: str,
        *,
        missing: SkillTreeError | None = None,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        **params: object,
    ) -> M:
        """Return the row, or raise ``missing``."""
        rows = await self._all(model, query, before=before, after=after, **params)
        if not rows:
            raise missing or NotFound()
        return rows[0]

    def _stream(self, model: type[M], query: str, **params: object) -> AsyncGenerator[M]:
        """Yield the rows as they are read, without holding all of them in memory."""
        return self._executor.stream(step(query, params, model))

    async def _page(
        self, model: type[M], query: str, *, order: tuple[str, ...], after: str | None, limit: int, **params: object
    ) -> Page[M]:
        """Return the rows after a cursor in this order (keyset pagination)."""
        placed = {**params, **page_params(model, order, after, limit)}
        return page_of(model, order, await self._fetch(rows_of(model, read(query)), query, (), (), placed), limit)

    async def _values(
        self, query: str, *, before: Sequence[str] = (), after: Sequence[str] = (), **params: object
    ) -> list[Any]:
        """Return the first column of every row."""
        return await self._fetch(scalar_row, query, before, after, params)
