"""What every repository is made of: a query name, a model, parameters."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from psycopg import AsyncCursor
from psycopg.rows import RowMaker, scalar_row

from skilltree._core.arguments import check_arguments
from skilltree._core.queries import Query, read
from skilltree._core.rows import Params, page_of, page_params, rows_of
from skilltree.errors import NotFound, SkillTreeError
from skilltree.models.base import Model, Page

M = TypeVar("M", bound=Model)
T = TypeVar("T")

HOLD_TREE = ("trees/lock_learners", "trees/lock_learners")
HOLD_SKILL = ("skills/lock_learners", "skills/lock_learners")
"""What comes before an edit of what counts or gates in a tree: learners wait. Twice: see trees/lock_learners."""

LEARNERS_FOLLOW = ("progress/unlock_for_learners", "progress/refresh_learners")
"""What follows from an edit of what counts or gates in a tree: queries that find it by tree_id, skill_id or slug."""

RowFactory = Callable[[AsyncCursor[Any]], RowMaker[T]]


class AsyncStep(NamedTuple):
    """A query of a transaction, and what its rows are made into, unless nobody wants them; of a COPY, what is sent."""

    query: Query
    params: Params
    row_factory: RowFactory[Any] | None
    rows: Iterable[Sequence[object]] | None = None


def step(query: str, params: Params, model: type[Model] | None = None) -> AsyncStep:
    """Return a query as a step of a transaction; its rows become models, or without one nothing."""
    return AsyncStep(read(query), params, None if model is None else rows_of(model))


class AsyncExecutor(ABC):
    """Something that executes statements: the database with its pool, or a unit of work on one connection."""

    is_unit_of_work = False

    @abstractmethod
    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        """Run the statements as one transaction, and return the rows of each, or none where nobody wants them.

        That is one network round trip, but for a COPY, which PostgreSQL takes by itself.
        """

    @abstractmethod
    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        """Run a statement, and yield its rows as they are read: a connection is in use until the last one."""


class AsyncRepository:
    """The statements of one aggregate. It owns no connection and holds no rule."""

    def __init_subclass__(cls) -> None:
        check_arguments(cls)

    def __init__(self, executor: AsyncExecutor) -> None:
        self._executor = executor

    async def _fetch(
        self, row_factory: RowFactory[T], query: str, before: Sequence[str], after: Sequence[str], params: Params
    ) -> list[T]:
        """Return the rows of a query that runs between others, as one transaction."""
        steps = [step(name, params) for name in (*before, query, *after)]
        steps[len(before)] = AsyncStep(read(query), params, row_factory)
        rows: list[T] = (await self._executor.run(steps))[len(before)]
        return rows

    async def _all(
        self, model: type[M], query: str, *, before: Sequence[str] = (), after: Sequence[str] = (), **params: object
    ) -> list[M]:
        """Return every row.

        ``before`` and ``after`` are queries of the same transaction with the same parameters: what to lock, and what
        follows from the change.
        """
        return await self._fetch(rows_of(model), query, before, after, params)

    async def _find(self, model: type[M], query: str, **params: object) -> M | None:
        """Return the row, or ``None``."""
        rows = await self._fetch(rows_of(model), query, (), (), params)
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
        """Return the rows as they are read, however many they are."""
        return self._executor.stream(step(query, params, model))

    async def _page(
        self, model: type[M], query: str, *, order: tuple[str, ...], after: str | None, limit: int, **params: object
    ) -> Page[M]:
        """Return the rows that come after a cursor in this order (keyset pagination)."""
        placed = {**params, **page_params(model, order, after, limit)}
        return page_of(model, order, await self._fetch(rows_of(model), query, (), (), placed), limit)

    async def _values(
        self, query: str, *, before: Sequence[str] = (), after: Sequence[str] = (), **params: object
    ) -> list[Any]:
        """Return the first column of every row."""
        return await self._fetch(scalar_row, query, before, after, params)
