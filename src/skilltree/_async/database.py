"""The pool, and units of work on one connection. Each offers all repositories."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Any, Generic, Self, cast, get_args, get_origin

from psycopg import AsyncRawCursor
from typing_extensions import TypeVar, get_original_bases

from skilltree._async.pool import AsyncObservedPool, AsyncPool
from skilltree._async.replica import AsyncReplica
from skilltree._async.repositories import AsyncRepositories
from skilltree._async.repository import AsyncExecutor, AsyncStep
from skilltree._async.scope import AsyncScope
from skilltree._async.steps import has_rows, run_steps
from skilltree._async.unit import AsyncUnitOfWork, observed_rows
from skilltree._core.driver_errors import is_unanswered, translated
from skilltree._core.logs import DATABASE
from skilltree._core.messages import shown
from skilltree._core.observer import Observation, Observer, main_of, unit_of, watched
from skilltree._core.roles import ANYBODY, Actor, learner, service
from skilltree._core.rows import adapters
from skilltree._core.scopes import writes
from skilltree._core.session_settings import ISOLATION, kept, options
from skilltree._core.urls import checked_url
from skilltree.errors import (
    DatabaseFailure,
    InvalidRepository,
    InvalidValue,
    OutcomeUnknown,
    ServerUnavailable,
)
from skilltree.models.ids import UserId

__all__ = ["AsyncDatabase", "AsyncScope"]

_MOST_ATTEMPTS = 100
_BRIEF = 3
"""The most seconds that a call waits for the replica before it reads the primary."""

T = TypeVar("T")
U_co = TypeVar("U_co", bound=AsyncUnitOfWork, default=AsyncUnitOfWork, covariant=True)
S_co = TypeVar("S_co", bound=AsyncScope[Any], default=AsyncScope[AsyncUnitOfWork], covariant=True)


class AsyncDatabase(AsyncRepositories, Generic[S_co, U_co]):
    """A connection pool of one database, and its repositories. Outside a unit of work, each call is a transaction.

    ``url`` is any libpq connection string. All times are in seconds. ``timeout`` limits the wait for a free connection,
    and ``connect_timeout`` the wait for the server to answer. ``statement_timeout`` limits a statement; it replaces the
    roles' own setting, and PgBouncer refuses it. A connection is closed after ``max_idle`` without use, and after
    ``max_lifetime`` in any case. A statement is prepared once it has run ``prepare_threshold`` times; use ``None``
    (never) with PgBouncer before 1.21 in transaction mode. A call that did nothing because of a deadlock, a
    serialization failure or an unusable connection is tried up to ``attempts`` times (1 to 100).
    ``validate_rows`` validates each row that is read, although its types prove that it fits its model. Reads that may
    be stale go to the standby ``replica`` while it is at most ``replica_lag`` seconds behind; learners always see what
    was written through this database. An ``observer`` is told about calls, retries, units of work and waits, for
    example to trace them.

    After a fork, the child opens its own connections at its first call and leaves the parent's alone.
    """

    _scope: type[AsyncScope[Any]] = AsyncScope
    _unit: type[AsyncUnitOfWork] = AsyncUnitOfWork

    def __init_subclass__(cls, **others: Any) -> None:
        super().__init_subclass__(**others)
        for base in get_original_bases(cls):
            if get_origin(base) is AsyncDatabase:
                cls._scope, cls._unit = (get_origin(kind) or kind for kind in get_args(base))
        for kind in (cls._scope, cls._unit):
            if dict(kind.attached) != dict(cls.attached):
                raise InvalidRepository(
                    f"{cls.__name__} and {kind.__name__} need the same repositories: let both extend the class that"
                    f" declares them, and name both classes: {cls.__name__}(…, {AsyncDatabase.__name__}[scope, unit])"
                )

    def __init__(
        self,
        url: str,
        *,
        replica: str | None = None,
        replica_lag: float = 10,
        min_size: int = 1,
        max_size: int = 10,
        timeout: float = 30,
        connect_timeout: int = 10,
        statement_timeout: float | None = None,
        max_idle: float = 600,
        max_lifetime: float = 3600,
        prepare_threshold: int | None = 5,
        attempts: int = 3,
        validate_rows: bool = False,
        observer: Observer | None = None,
    ) -> None:
        super().__init__()
        if isinstance(attempts, bool) or not isinstance(attempts, int) or not 1 <= attempts <= _MOST_ATTEMPTS:
            raise InvalidValue(
                f"attempts must be a whole number from 1 to {_MOST_ATTEMPTS}, not {shown(attempts)}", field="attempts"
            )
        parts = checked_url(url)
        arguments: dict[str, Any] = {
            "autocommit": True,
            "cursor_factory": AsyncRawCursor,
            "prepare_threshold": prepare_threshold,
            "connect_timeout": connect_timeout,
            "client_encoding": "utf8",
            "context": adapters(),
        }
        # A time that is shorter than a millisecond must not become 0, which means no limit.
        time = statement_timeout
        self._statement_timeout = None if time is None else round(time * 1000) or int(time > 0)
        if self._statement_timeout is not None:
            arguments["options"] = f"{options(parts)} -c statement_timeout={self._statement_timeout}".lstrip()
        self._url = url
        self._attempts = attempts
        self._retries = 0
        sizes: dict[str, Any] = {
            "timeout": timeout,
            "kwargs": arguments,
            "min_size": min_size,
            "max_size": max_size,
            "max_idle": max_idle,
            "max_lifetime": max_lifetime,
            "validate_rows": validate_rows,
        }
        self._replica = None
        if replica is not None:
            its = {"kwargs": self._of_replica(replica, arguments), "timeout": min(timeout, _BRIEF)}
            pool = AsyncPool(replica, kept(checked_url(replica)), **{**sizes, **its})
            self._replica = AsyncReplica(pool, replica_lag)
        self._observer = observer
        if observer is None:
            self._pool = AsyncPool(url, kept(parts), **sizes)
        else:
            self._pool = AsyncObservedPool(url, kept(parts), observer, **sizes)
            observer.watch(watched(parts, self._pool.statistics))

    def _of_replica(self, url: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the replica's connections."""
        parts = checked_url(url)
        if ISOLATION in kept(parts):
            # A snapshot of a whole transaction could be from before its position.
            raise InvalidValue(f"the replica's URL must not set {ISOLATION}", field="replica")
        its = {**arguments, "connect_timeout": min(arguments["connect_timeout"], _BRIEF)}
        if self._statement_timeout is not None:
            its["options"] = f"{options(parts)} -c statement_timeout={self._statement_timeout}".lstrip()
        return its

    async def open(self) -> None:
        """Connect; this also works again after ``close``. Raises ServerUnavailable with the server's reason.

        Raises UnfitDatabase for a server older than PostgreSQL 15, for a database whose encoding is not UTF8, and if
        triggers are switched off.
        """
        await self._pool.open()
        if self._replica is not None:
            await self._replica.open()

    async def close(self) -> None:
        """Close the pool. A connection in use is closed when its work has finished."""
        await self._pool.close()
        if self._replica is not None:
            await self._replica.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def statistics(self) -> dict[str, int]:
        """Return the counters of psycopg_pool's ``get_stats``, the number of connections in use, and of retries."""
        replica = {} if self._replica is None else self._replica.statistics()
        return {**self._pool.statistics(), "retries": self._retries, **replica}

    def as_user(self, user_id: UserId | None) -> S_co:
        """Work as one learner: other learners' rows can be neither read nor changed.

        ``None`` is a visitor, who sees only the catalogue. Work across learners, such as leaderboards, accounts and
        authoring, raises PermissionDenied.
        """
        return cast("S_co", self._scope(self, learner(user_id)))

    def as_service(self, actor_id: UserId | None = None) -> S_co:
        """Work across learners: authoring, accounts, leaderboards, analytics.

        ``actor_id`` is recorded as the author of the changes.
        """
        return cast("S_co", self._scope(self, service(actor_id, self._statement_timeout)))

    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        return await self._run(steps, ANYBODY)

    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        return self._stream(step, ANYBODY)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[U_co]:
        """Open a unit of work: the same repositories in one transaction. An error that leaves the block rolls it back.

        Deferred checks, such as those of the skill graph, may raise their errors at the end of the block.
        """
        async with self._unit_of_work(ANYBODY) as unit:
            yield unit

    async def run_then(
        self, steps: Sequence[AsyncStep], finish: Callable[[list[list[Any]], AsyncExecutor], Awaitable[T]]
    ) -> T:
        return await self._run_then(steps, finish, ANYBODY, self)

    async def _run_then(
        self,
        steps: Sequence[AsyncStep],
        finish: Callable[[list[list[Any]], AsyncExecutor], Awaitable[T]],
        actor: Actor,
        executor: AsyncExecutor,
    ) -> T:
        """Run the statements, and finish before the commit. Without a statement that writes, none is kept open."""
        if not writes(steps):
            return await finish(await self._run(steps, actor) if steps else [], executor)

        async def once() -> T:
            with unit_of(self._observer) as observed:
                async with self._transaction(actor, self._observer, observed, is_begun=False) as unit:
                    return await finish(await unit._begin_with(steps), unit)

        return await self._again(once, steps, None)

    async def _run(self, steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
        """Run the statements as one transaction, and tell the observer."""
        if self._observer is None:
            return await self._again(lambda: self._run_once(steps, actor), steps, None)
        with self._observer.call(steps, None) as call:
            return await self._again(lambda: self._run_once(steps, actor), steps, call)

    async def _again(self, once: Callable[[], Awaitable[T]], steps: Sequence[AsyncStep], call: Observation | None) -> T:
        """Run a transaction with these statements, and retry if nothing of it was executed."""
        attempt = 1
        while True:
            try:
                return await once()
            except DatabaseFailure as error:
                # An iterator of COPY rows may be used up, so that the rows cannot be sent again.
                if not error.is_retried or attempt >= self._attempts or has_rows(steps):
                    raise
                kind, name = type(error).__name__, main_of(steps).name
                DATABASE.info("%s is tried again after %s (%s), attempt %d", name, kind, error.sqlstate, attempt + 1)
                if call is not None:
                    call.retry(error)
            # A random wait, so that transactions that conflicted do not conflict again.
            await asyncio.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))  # noqa: S311 (not for secrets)
            attempt += 1
            self._retries += 1

    async def _run_once(self, steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
        if self._replica is None:
            return await self._run_on_primary(steps, actor)
        return await self._replica.run(steps, actor, self._run_on_primary)

    async def _run_on_primary(self, steps: Sequence[AsyncStep], actor: Actor) -> list[list[Any]]:
        connection = await self._pool.checkout()
        try:
            return await run_steps(connection, steps, actor)
        except DatabaseFailure as error:
            await self._pool.retire(connection, error)
            if type(error) is ServerUnavailable and is_unanswered(error.__cause__) and writes(steps):
                raise OutcomeUnknown from error.__cause__
            raise
        finally:
            await self._pool.give_back(connection)

    def _stream(self, step: AsyncStep, actor: Actor) -> AsyncGenerator[Any]:
        rows = self._stream_once(step, actor)
        return rows if self._observer is None else observed_rows(self._observer, step, None, rows)

    async def _stream_once(self, step: AsyncStep, actor: Actor) -> AsyncGenerator[Any]:
        async with self._transaction(actor, None, None) as unit, aclosing(unit.stream(step)) as rows:
            async for row in rows:
                yield row

    @asynccontextmanager
    async def _unit_of_work(self, actor: Actor) -> AsyncIterator[U_co]:
        with unit_of(self._observer) as observed:
            async with self._transaction(actor, self._observer, observed) as unit:
                yield unit

    @asynccontextmanager
    async def _transaction(
        self, actor: Actor, observer: Observer | None, observed: Observation | None, *, is_begun: bool = True
    ) -> AsyncIterator[U_co]:
        async with self._pool.connection() as connection:
            unit = cast("U_co", self._unit(connection, actor, observer, observed))
            with translated():
                try:
                    if is_begun:
                        await unit._begin()
                    yield unit
                except BaseException as error:
                    if not await unit._end(type(error), error, error.__traceback__):
                        raise
                else:
                    await unit._end(None, None, None)
                finally:
                    if self._replica is not None:
                        self._replica.wrote(actor)
