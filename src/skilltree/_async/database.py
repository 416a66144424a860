"""The pool, and units of work on one connection. Each gives all repositories."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from skilltree._async.achievements import AsyncAchievements
from skilltree._async.categories import AsyncCategories
from skilltree._async.progress import AsyncProgress
from skilltree._async.repository import AsyncExecutor, RowFactory
from skilltree._async.sessions import AsyncSessions
from skilltree._async.skills import AsyncSkills
from skilltree._async.trees import AsyncTrees
from skilltree._async.users import AsyncUsers
from skilltree._rows import Params, adapters
from skilltree._sockets import has_something_to_say
from skilltree.errors import (
    ConcurrentUpdate,
    InvalidValue,
    PoolExhausted,
    ServerUnavailable,
    SkillTreeError,
    UnitOfWorkEnded,
    from_driver,
    translated,
)

T = TypeVar("T")


class AsyncRepositories(AsyncExecutor):
    """Every repository, on whatever executes."""

    def __init__(self) -> None:
        self.users = AsyncUsers(self)
        self.categories = AsyncCategories(self)
        self.trees = AsyncTrees(self)
        self.skills = AsyncSkills(self)
        self.progress = AsyncProgress(self)
        self.achievements = AsyncAchievements(self)
        self.sessions = AsyncSessions(self)


class AsyncUnitOfWork(AsyncRepositories):
    """The repositories in one transaction: all of it happens, or nothing."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        super().__init__()
        self._connection: AsyncConnection[Any] | None = connection

    async def fetch(self, statements: tuple[bytes, ...], params: Params, row_factory: RowFactory[T]) -> list[T]:
        with translated():
            return await _fetch(self._open_connection(), statements, params, row_factory)

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
    ``connect_timeout`` for the server to answer, ``statement_timeout`` for a statement to run. A connection is given
    up after ``max_idle`` without use, and after ``max_lifetime`` in any case. ``prepare_threshold`` is the number of
    times a statement runs before it is prepared; ``None`` (never) suits PgBouncer older than 1.21 in transaction mode.
    A statement that meets a deadlock or a serialization failure is tried ``attempts`` times.
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
            "prepare_threshold": prepare_threshold,
            "connect_timeout": connect_timeout,
            "context": adapters(),
        }
        if statement_timeout is not None:
            arguments["options"] = f"-c statement_timeout={round(statement_timeout * 1000)}"
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
            check=_check,
            open=False,
            name="skilltree",
        )

    async def open(self) -> None:
        """Connect. Raises ServerUnavailable with the server's reason if that fails."""
        with translated():
            # The pool retries in the background and would only say, after its time-out, that it had none.
            await (await AsyncConnection.connect(self._url, **self._arguments)).close()
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

    async def fetch(self, statements: tuple[bytes, ...], params: Params, row_factory: RowFactory[T]) -> list[T]:
        attempt = 1
        while True:
            try:
                async with self._connection() as connection:
                    with translated():
                        return await _fetch(connection, statements, params, row_factory)
            except ConcurrentUpdate:
                if attempt == self._attempts:
                    raise
            # Those who met wait for different times, so that they do not meet again.
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 (not for secrets)
            attempt += 1
            with self._lock:
                self._retries += 1

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncUnitOfWork]:
        """Open a unit of work: the same repositories in one transaction, which an error that leaves the block undoes.

        Deferred checks, such as those of the skill graph, may also be raised at the end of the block.
        """
        async with self._connection() as connection:
            unit = AsyncUnitOfWork(connection)
            try:
                with translated():
                    async with connection.transaction():
                        yield unit
            finally:
                unit._end()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        try:
            connection = await self._pool.getconn()
        except psycopg.Error as error:
            raise self._refusal(error) from error
        self._lent.add(id(connection))
        try:
            yield connection
        finally:
            self._lent.discard(id(connection))
            await self._pool.putconn(connection)

    def _refusal(self, error: psycopg.Error) -> SkillTreeError:
        if not isinstance(error, PoolTimeout):
            return from_driver(error)
        if len(self._lent) >= self._pool.max_size:
            return PoolExhausted()
        return ServerUnavailable(f"no connection could be made within {self._timeout} s")


async def _check(connection: AsyncConnection[Any]) -> None:
    """Look, without asking the server, whether an idle connection still stands; ask it only when there is doubt."""
    if has_something_to_say(connection.fileno()):
        await AsyncConnectionPool.check_connection(connection)


async def _fetch(
    connection: AsyncConnection[Any], statements: tuple[bytes, ...], params: Params, row_factory: RowFactory[T]
) -> list[T]:
    try:
        if len(statements) == 1:
            async with connection.cursor(row_factory=row_factory) as cursor:
                await cursor.execute(statements[0], params)
                return await cursor.fetchall()
        async with connection.pipeline(), connection.cursor(row_factory=row_factory) as cursor:
            async with connection.transaction():
                for statement in statements:
                    await cursor.execute(statement, params)
            # After the end of the transaction, so that all of it is sent before anything is waited for.
            return await cursor.fetchall()
    except UnicodeEncodeError as error:
        raise InvalidValue(f"a text cannot be stored: {error.reason} at character {error.start}") from error
