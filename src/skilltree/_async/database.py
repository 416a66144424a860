"""The pool, and units of work on one connection. Each gives all repositories."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import psycopg
from psycopg import AsyncConnection, AsyncCursor, AsyncRawCursor, AsyncRawServerCursor, AsyncTransaction
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from skilltree._actors import ANYBODY, Actor, learner, roles_taken, service
from skilltree._async.accounts import AsyncAccounts
from skilltree._async.achievements import AsyncAchievements
from skilltree._async.analytics import AsyncAnalytics
from skilltree._async.audit import AsyncAudit
from skilltree._async.categories import AsyncCategories
from skilltree._async.doctor import AsyncDoctor
from skilltree._async.leaderboards import AsyncLeaderboards
from skilltree._async.progress import AsyncProgress
from skilltree._async.repository import AsyncExecutor, AsyncStep
from skilltree._async.sessions import AsyncSessions
from skilltree._async.skills import AsyncSkills
from skilltree._async.trees import AsyncTrees
from skilltree._async.users import AsyncUsers
from skilltree._rows import adapters
from skilltree._sockets import has_something_to_say
from skilltree._translation import from_driver, translated
from skilltree.errors import (
    ConcurrentUpdate,
    PoolExhausted,
    UnitOfWorkEnded,
    UnitOfWorkOpen,
)
from skilltree.models.ids import UserId

# How long to wait for a connection before asking why there is none, in seconds.
_PATIENCE = 0.5


class AsyncRepositories(AsyncExecutor):
    """Every repository, on whatever executes."""

    def __init__(self) -> None:
        self.users = AsyncUsers(self)
        self.accounts = AsyncAccounts(self)
        self.categories = AsyncCategories(self)
        self.trees = AsyncTrees(self)
        self.skills = AsyncSkills(self)
        self.progress = AsyncProgress(self)
        self.achievements = AsyncAchievements(self)
        self.leaderboards = AsyncLeaderboards(self)
        self.analytics = AsyncAnalytics(self)
        self.sessions = AsyncSessions(self)
        self.audit = AsyncAudit(self)
        self.doctor = AsyncDoctor(self)


class AsyncUnitOfWork(AsyncRepositories):
    """The repositories in one transaction: all of it happens, or nothing."""

    is_unit_of_work = True

    def __init__(self, connection: AsyncConnection[Any], actor: Actor) -> None:
        super().__init__()
        self._connection: AsyncConnection[Any] | None = connection
        self._actor = actor

    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        return await _run(self._open_connection(), steps, self._actor)

    async def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        connection = self._open_connection()
        # A name of its own, because another may be open.
        name = f"{step.query.name} {uuid4()}"
        with translated():
            async with AsyncRawServerCursor(connection, name, row_factory=step.row_factory or tuple_row) as cursor:
                for each in roles_taken((step,), self._actor, goes_on=True):
                    if isinstance(each, AsyncStep):
                        await cursor.execute(each.query.numbered, each.query.values(each.params))
                    else:
                        await connection.execute(each.numbered)
                async for row in cursor:
                    yield row

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Self]:
        """Open a savepoint: an error that leaves the block takes back only what was done inside."""
        with translated():
            async with self._open_connection().transaction():
                yield self

    def _open_connection(self) -> AsyncConnection[Any]:
        if self._connection is None:
            raise UnitOfWorkEnded
        return self._connection

    def _end(self) -> None:
        self._connection = None


class AsyncDatabase(AsyncRepositories):
    """A pool of connections to one database, and its repositories, each statement a transaction of its own.

    ``url`` is any libpq connection string. Times are in seconds: ``timeout`` to wait for a free connection,
    ``connect_timeout`` for the server to answer, ``statement_timeout`` for a statement to run, instead of what is set
    for the roles; PgBouncer refuses to pass that on. A connection is given up after ``max_idle`` without use, and after
    ``max_lifetime`` in any case. ``prepare_threshold`` is the number of times a statement runs before it is prepared;
    ``None`` (never) suits PgBouncer older than 1.21 in transaction mode. A statement that meets a deadlock or a
    serialization failure is tried ``attempts`` times.
    """

    def __init__(
        self,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 30,
        connect_timeout: int = 10,
        statement_timeout: float | None = None,
        max_idle: float = 600,
        max_lifetime: float = 3600,
        prepare_threshold: int | None = 5,
        attempts: int = 3,
    ) -> None:
        super().__init__()
        arguments: dict[str, Any] = {
            "autocommit": True,
            "cursor_factory": AsyncRawCursor,
            "prepare_threshold": prepare_threshold,
            "connect_timeout": connect_timeout,
            "context": adapters(),
        }
        self._statement_timeout = None if statement_timeout is None else round(statement_timeout * 1000)
        if self._statement_timeout is not None:
            with translated():
                options = conninfo_to_dict(url).get("options") or ""
            arguments["options"] = f"{options} -c statement_timeout={self._statement_timeout}".lstrip()
        self._url = url
        self._arguments = arguments
        self._timeout = timeout
        self._attempts = attempts
        self._retries = 0
        self._lock = Lock()
        self._lent: set[int] = set()
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            kwargs=arguments,
            min_size=min_size,
            max_size=max_size,
            timeout=timeout,
            max_idle=max_idle,
            max_lifetime=max_lifetime,
            open=False,
            name="skilltree",
        )

    async def open(self) -> None:
        """Connect. Raises ServerUnavailable with the server's reason if that fails."""
        await self._probe()
        with translated():
            await self._pool.open(wait=True, timeout=self._timeout)

    async def close(self) -> None:
        """Close the pool; what is under way is finished first by those who hold a connection."""
        await self._pool.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def statistics(self) -> dict[str, int]:
        """Return the pool's counters (psycopg_pool's ``get_stats``), connections lent, statements retried."""
        return {**self._pool.get_stats(), "lent": len(self._lent), "retries": self._retries}

    def as_user(self, user_id: UserId | None) -> "AsyncScope":
        """Work as one learner: nothing of other learners is there, neither to see nor to change.

        ``None`` is a visitor, who sees the catalogue. What works across learners, such as leaderboards, accounts and
        all that authors do, raises PermissionDenied.
        """
        return AsyncScope(self, learner(user_id))

    def as_service(self, actor_id: UserId | None = None) -> "AsyncScope":
        """Work across learners: authoring, accounts, leaderboards, analytics.

        The actor is who is noted as the one that wrote.
        """
        return AsyncScope(self, service(actor_id, self._statement_timeout))

    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        return await self._run(steps, ANYBODY)

    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        return self._stream(step, ANYBODY)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncUnitOfWork]:
        """Open a unit of work: the same repositories in one transaction, which an error that leaves the block undoes.

        Deferred checks, such as those of the skill graph, may also be raised at the end of the block.
        """
        async with self._unit_of_work(ANYBODY) as unit:
            yield unit

    async def _run(self, steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
        """Run the statements as one transaction, and again when it meets another."""
        attempt = 1
        while True:
            try:
                connection = await self._checkout()
                try:
                    return await _run(connection, steps, actor)
                finally:
                    await self._return(connection)
            except ConcurrentUpdate:
                # Rows to copy may be there only once.
                if attempt == self._attempts or _has_rows(steps):
                    raise
            # Those who met wait for different times, so that they do not meet again.
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 (not for secrets)
            attempt += 1
            with self._lock:
                self._retries += 1

    async def _stream(self, step: AsyncStep, actor: Actor) -> AsyncGenerator[Any]:
        async with self._unit_of_work(actor) as unit, aclosing(unit.stream(step)) as rows:
            async for row in rows:
                yield row

    @asynccontextmanager
    async def _unit_of_work(self, actor: Actor) -> AsyncIterator[AsyncUnitOfWork]:
        connection = await self._checkout()
        unit = AsyncUnitOfWork(connection, actor)
        try:
            with translated():
                async with AsyncExitStack() as stack:
                    # That a transaction begins, and for whom, is sent together. Not connection.transaction(), which
                    # in a pipeline keeps one open until the end.
                    async with connection.pipeline():
                        await stack.enter_async_context(AsyncTransaction(connection))
                        if actor.begin is not None:
                            await connection.execute(actor.begin.numbered, actor.begin.values(actor.params))
                    yield unit
        finally:
            unit._end()
            await self._return(connection)

    async def _return(self, connection: AsyncConnection[Any]) -> None:
        self._lent.discard(id(connection))
        if not _is_clean(connection):
            await connection.close()
        await self._pool.putconn(connection)

    async def _checkout(self) -> AsyncConnection[Any]:
        """Return a connection that stands. Raises PoolExhausted, or ServerUnavailable as soon as that is certain."""
        deadline = monotonic() + self._timeout
        while True:
            try:
                connection = await self._pool.getconn(min(_PATIENCE, max(deadline - monotonic(), 0)))
            except PoolTimeout as error:
                if len(self._lent) < self._pool.max_size:
                    await self._probe()
                if monotonic() >= deadline:
                    raise PoolExhausted from error
            except psycopg.Error as error:
                raise from_driver(error) from error
            else:
                if not connection.closed and not has_something_to_say(connection.fileno()):
                    self._lent.add(id(connection))
                    return connection
                # What the server has said there is its farewell, if not a notice: better a new one in any case.
                await connection.close()
                await self._pool.putconn(connection)
                await self._probe()

    async def _probe(self) -> None:
        """Raise ServerUnavailable, with the reason, unless a connection can be made: the pool only tries, and waits."""
        with translated():
            await (await AsyncConnection.connect(self._url, **self._arguments)).close()


class AsyncScope(AsyncRepositories):
    """The repositories for one learner, or for the service: each call a transaction, or all of them in one.

    ``await db.as_user(user_id).progress.complete_skill(user_id, skill_id)`` is a transaction in one network round trip;
    ``async with db.as_user(user_id) as unit:`` opens a unit of work.
    """

    def __init__(self, database: AsyncDatabase, actor: Actor) -> None:
        super().__init__()
        self._database = database
        self._actor = actor
        self._open: AbstractAsyncContextManager[AsyncUnitOfWork] | None = None

    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        return await self._database._run(steps, self._actor)

    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        return self._database._stream(step, self._actor)

    def transaction(self) -> AbstractAsyncContextManager[AsyncUnitOfWork]:
        """Open a unit of work, as ``Database.transaction()`` does."""
        return self._database._unit_of_work(self._actor)

    async def __aenter__(self) -> AsyncUnitOfWork:
        if self._open is not None:
            raise UnitOfWorkOpen
        self._open = self.transaction()
        try:
            return await self._open.__aenter__()
        except BaseException:
            self._open = None
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        unit, self._open = self._open, None
        if unit is not None:
            await unit.__aexit__(kind, error, traceback)


async def _run(connection: AsyncConnection[Any], steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
    with translated(steps):
        if len(steps) == 1 and actor is ANYBODY:
            return [await _executed(connection.cursor(), steps[0])]
        if _has_rows(steps):
            return await _run_in_turn(connection, steps, actor)
        return await _run_together(connection, steps, actor)


async def _executed(cursor: AsyncCursor[Any], step: AsyncStep) -> list[Any]:
    """Run a statement, and return its rows if they are wanted."""
    if step.row_factory is not None:
        cursor.row_factory = step.row_factory
    await cursor.execute(step.query.numbered, step.query.values(step.params))
    return [] if step.row_factory is None else await cursor.fetchall()


def _is_clean(connection: AsyncConnection[Any]) -> bool:
    """Tell whether nothing of the work done is left on a connection: the pool would mend some of it, and not all."""
    state = connection.pgconn
    return state.transaction_status == TransactionStatus.IDLE and state.pipeline_status == PipelineStatus.OFF


def _has_rows(steps: Sequence[AsyncStep]) -> bool:
    return any(step.rows is not None for step in steps)


async def _run_together(connection: AsyncConnection[Any], steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
    """Send the statements, and around them a transaction unless one is open, before waiting for any answer."""
    is_open = connection.pgconn.transaction_status != TransactionStatus.IDLE
    todo = list(roles_taken(steps, actor, goes_on=is_open))
    cursors: list[AsyncCursor[Any]] = []
    try:
        async with connection.pipeline():
            # One for all whose rows nobody wants. The others are made when needed: the server has begun by then.
            other = connection.cursor()
            if not is_open:
                await other.execute("begin")
                if actor.begin is not None:
                    await other.execute(actor.begin.numbered, actor.begin.values(actor.params))
            for each in todo:
                if not isinstance(each, AsyncStep):
                    await other.execute(each.numbered)
                    continue
                cursor = other
                if each.row_factory is not None:
                    cursor = connection.cursor(row_factory=each.row_factory)
                cursors.append(cursor)
                await cursor.execute(each.query.numbered, each.query.values(each.params))
            if not is_open:
                await other.execute("commit")
        return [[] if cursor is other else await cursor.fetchall() for cursor in cursors]
    except BaseException as error:
        if connection.pgconn.pipeline_status != PipelineStatus.OFF or (is_open and not isinstance(error, Exception)):
            # Interrupted, with answers under way that nobody waits for any more, or in the middle of an action.
            await connection.close()
        elif not is_open and not connection.closed:
            await connection.rollback()
        raise


async def _run_in_turn(connection: AsyncConnection[Any], steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
    """Run the statements one after the other, as one transaction: what comes with a COPY cannot be sent together."""
    is_open = connection.pgconn.transaction_status != TransactionStatus.IDLE
    results: list[list[Any]] = []
    async with connection.transaction():
        if actor.begin is not None and not is_open:
            await connection.execute(actor.begin.numbered, actor.begin.values(actor.params))
        for each in roles_taken(steps, actor, goes_on=is_open):
            if not isinstance(each, AsyncStep):
                await connection.execute(each.numbered)
                continue
            async with connection.cursor() as cursor:
                if each.rows is None:
                    results.append(await _executed(cursor, each))
                else:
                    async with cursor.copy(each.query.numbered) as copy:
                        for row in each.rows:
                            await copy.write_row(row)
                    results.append([])
    return results
