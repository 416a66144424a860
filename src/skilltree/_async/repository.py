"""The base of all repositories, SkillTree's and an application's: it runs named queries and returns models."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, overload

from psycopg import AsyncCursor
from psycopg.rows import RowMaker, scalar_row
from typing_extensions import TypeVar

from skilltree._core.own_queries import Hooks, declared, hooks_of, require_parameters
from skilltree._core.pages import page_of, page_params
from skilltree._core.queries import Query, read
from skilltree._core.rows import Params, rows_of
from skilltree.errors import NotFound, SkillTreeError
from skilltree.models.base import Model, Page

M = TypeVar("M", bound=Model)
T = TypeVar("T")
R = TypeVar("R", default=Any)
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")

LEARNERS_FOLLOW = ("progress/unlock_for_learners", "progress/refresh_learners")
"""The queries that update learners' progress after a tree's graph changes. They use tree_id, skill_id or slug."""

RowFactory = Callable[[AsyncCursor[Any]], RowMaker[T]]


class AsyncStep(NamedTuple, Generic[R]):
    """A query of a transaction, with the type of its rows. Without a ``row_factory``, its rows are not read.

    ``is_main`` marks the query that an observer names the whole transaction after, if it is not the first. A COPY sends
    ``rows``. A step that ``counts`` has one result instead of its rows: their number.
    """

    query: Query
    params: Params
    row_factory: RowFactory[R] | None
    rows: Iterable[Sequence[object]] | None = None
    is_main: bool = False
    counts: bool = False


class AsyncExecutor(ABC):
    """Runs statements: the database with its pool, or a unit of work on one connection."""

    is_unit_of_work = False

    hooks = Hooks((), ())
    """The application's query files that export and erase a learner's rows."""

    @abstractmethod
    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        """Run the statements as one transaction, and return the rows of each; none for a step without a row factory.

        This takes one network round trip, except with a COPY, which PostgreSQL does not accept in a pipeline.
        """

    @abstractmethod
    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        """Run a statement, and yield its rows as they are read. It uses a connection until the last row."""

    async def run_then(
        self,
        steps: Sequence[AsyncStep],
        finish: "Callable[[list[list[Any]], AsyncExecutor], Awaitable[T]]",
    ) -> T:
        """Run the statements, and finish with their rows in the same transaction, on the executor given to it.

        Outside a unit of work, an error of ``finish`` rolls back. Statements that only read are not kept open for it.
        """
        return await finish(await self.run(steps) if steps else [], self)


class AsyncRepository:
    """The statements of one aggregate. It owns no connection and holds no business rule.

    An application's repository names the folder of its query files: ``class AsyncCourses(AsyncRepository,
    queries=FOLDER)``. Its subclasses inherit the folder. ``exports`` and ``erases`` name the query files that
    ``users.export`` and ``users.erase`` run for the application's tables. ``refusals`` gives a constraint of its
    tables an error of its own. The arguments of public methods are checked against their annotations.
    """

    queries: ClassVar[Path | None] = None
    exports: ClassVar[tuple[str, ...]] = ()
    erases: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(
        cls,
        *,
        queries: Path | None = None,
        exports: Sequence[str] = (),
        erases: Sequence[str] = (),
        refusals: Mapping[str, type[SkillTreeError]] | None = None,
        **others: Any,
    ) -> None:
        super().__init_subclass__(**others)
        if queries is not None:
            cls.queries = queries
        if exports:
            cls.exports = tuple(exports)
        if erases:
            cls.erases = tuple(erases)
        declared(cls, AsyncRepository, refusals or {})

    def __init__(self, executor: AsyncExecutor) -> None:
        self._executor = executor

    async def one(
        self,
        model: type[M],
        query: str,
        /,
        *,
        missing: SkillTreeError | None = None,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        **params: object,
    ) -> M:
        """Return the row of a query, or raise ``missing``. ``before`` and ``after`` are those of ``all``."""
        rows = await self._fetch(model, query, before, after, params)
        if not rows:
            raise missing or NotFound()
        return rows[0]

    async def find(self, model: type[M], query: str, /, **params: object) -> M | None:
        """Return the row of a query, or ``None``."""
        rows = await self._fetch(model, query, (), (), params)
        return rows[0] if rows else None

    async def all(
        self,
        model: type[M],
        query: str,
        /,
        *,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        **params: object,
    ) -> list[M]:
        """Return every row of a query.

        ``before`` and ``after`` are queries of the same transaction with the same parameters, for example to lock rows
        first or to update derived data afterwards.
        """
        return await self._fetch(model, query, before, after, params)

    async def page(
        self,
        model: type[M],
        query: str,
        /,
        *,
        order: tuple[str, ...],
        after: str | None,
        limit: int,
        **params: object,
    ) -> Page[M]:
        """Return the rows after a cursor in this order (keyset pagination).

        The query gets a parameter ``after_…`` for each column of ``order``, null on the first page, and ``limit``.
        """
        placed = {**params, **page_params(model, order, after, limit)}
        return page_of(model, order, await self._fetch(model, query, (), (), placed), limit)

    def stream(self, model: type[M], query: str, /, **params: object) -> AsyncGenerator[M]:
        """Yield the rows of a query as they are read, without holding all of them in memory."""
        return self._executor.stream(self.step(query, params, model))

    async def values(
        self, query: str, /, *, before: Sequence[str] = (), after: Sequence[str] = (), **params: object
    ) -> list[Any]:
        """Return the first column of every row of a query."""
        main = AsyncStep(self._read(query, params), params, scalar_row, is_main=True)
        return await self._run_between(main, before, after, params)

    async def execute(
        self, query: str, /, *, before: Sequence[str] = (), after: Sequence[str] = (), **params: object
    ) -> int:
        """Run a query, and return how many rows it wrote; for a SELECT, how many it found."""
        return await self._count(self.step(query, params, is_main=True), before, after, params)

    async def copy(
        self,
        query: str,
        rows: Iterable[Sequence[object]],
        /,
        *,
        before: Sequence[str] = (),
        after: Sequence[str] = (),
        **params: object,
    ) -> int:
        """Send rows to a ``copy … from stdin``, and return how many. The parameters are for ``before`` and ``after``.

        Each query is a round trip of its own, and the transaction is not tried again after an error.
        """
        return await self._count(self.step(query, {}, rows=rows, is_main=True), before, after, params)

    @overload
    def step(self, query: str, params: Params, model: type[M], *, is_main: bool = False) -> AsyncStep[M]: ...
    @overload
    def step(
        self,
        query: str,
        params: Params,
        model: None = None,
        *,
        rows: Iterable[Sequence[object]] | None = None,
        is_main: bool = False,
    ) -> AsyncStep[None]: ...
    def step(
        self,
        query: str,
        params: Params,
        model: type[Model] | None = None,
        *,
        rows: Iterable[Sequence[object]] | None = None,
        is_main: bool = False,
    ) -> AsyncStep:
        """Return a query as a step for ``run``. Its rows become models; without a model they are not read.

        A COPY sends ``rows``. ``is_main`` marks the step that the transaction is named after in traces.
        """
        found = self._read(query, params)
        return AsyncStep(found, params, None if model is None else rows_of(model, found), rows, is_main)

    @overload
    async def run(self, first: AsyncStep[A], /) -> tuple[list[A]]: ...
    @overload
    async def run(self, first: AsyncStep[A], second: AsyncStep[B], /) -> tuple[list[A], list[B]]: ...
    @overload
    async def run(
        self, first: AsyncStep[A], second: AsyncStep[B], third: AsyncStep[C], /
    ) -> tuple[list[A], list[B], list[C]]: ...
    @overload
    async def run(
        self, first: AsyncStep[A], second: AsyncStep[B], third: AsyncStep[C], fourth: AsyncStep[D], /
    ) -> tuple[list[A], list[B], list[C], list[D]]: ...
    @overload
    async def run(
        self,
        first: AsyncStep[A],
        second: AsyncStep[B],
        third: AsyncStep[C],
        fourth: AsyncStep[D],
        fifth: AsyncStep[E],
        /,
    ) -> tuple[list[A], list[B], list[C], list[D], list[E]]: ...
    @overload
    async def run(
        self,
        first: AsyncStep[A],
        second: AsyncStep[B],
        third: AsyncStep[C],
        fourth: AsyncStep[D],
        fifth: AsyncStep[E],
        sixth: AsyncStep[F],
        /,
    ) -> tuple[list[A], list[B], list[C], list[D], list[E], list[F]]: ...
    @overload
    async def run(self, *steps: AsyncStep) -> tuple[list[Any], ...]: ...
    async def run(self, *steps: AsyncStep) -> tuple[list[Any], ...]:
        """Run steps as one transaction in one network round trip, and return the rows of each."""
        return tuple(await self._executor.run(steps))

    def _read(self, query: str, params: Params) -> Query:
        """Return a query file of this repository's folder. Raises MissingParameter for one of an application."""
        found = read(query, self.queries)
        if self.queries is not None:
            require_parameters(found, params)
        return found

    async def _fetch(
        self, model: type[M], query: str, before: Sequence[str], after: Sequence[str], params: Params
    ) -> list[M]:
        """Run a query between others as one transaction, and return its rows."""
        found = self._read(query, params)
        return await self._run_between(
            AsyncStep(found, params, rows_of(model, found), is_main=True), before, after, params
        )

    async def _count(self, main: AsyncStep, before: Sequence[str], after: Sequence[str], params: Params) -> int:
        (number,) = await self._run_between(main._replace(counts=True), before, after, params)
        return int(number)

    async def _run_between(
        self, main: AsyncStep[T], before: Sequence[str], after: Sequence[str], params: Params
    ) -> list[T]:
        steps: list[AsyncStep] = [main]
        if before or after:
            steps = [*[self.step(name, params) for name in before], main, *[self.step(name, params) for name in after]]
        rows: list[T] = (await self._executor.run(steps))[len(before)]
        return rows


def hooks(repositories: Iterable[type[AsyncRepository]]) -> Hooks:
    """Return the query files that export and erase a learner's rows of these repositories."""
    return hooks_of((each.queries, each.exports, each.erases) for each in repositories)
