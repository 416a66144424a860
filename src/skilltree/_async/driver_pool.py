"""psycopg's pool, whose callers fail at once if nobody can connect."""

import os
from collections.abc import Set
from time import monotonic
from typing import Any
from weakref import WeakSet

import psycopg
from psycopg_pool import AsyncConnectionPool

from skilltree._async.connection import AsyncPinnedConnection
from skilltree._core.driver_errors import from_driver

# The shortest time between two replacements of all connections, in seconds. It protects a server that keeps failing.
_BETWEEN_REPLACEMENTS = 1.0


class AsyncDriverPool(AsyncConnectionPool[AsyncPinnedConnection]):
    """psycopg's pool, which also knows the process and event loop that it belongs to.

    If a connection attempt fails, all callers that waited when it began get the error at once. A later caller triggers
    a new attempt. psycopg's own pool retries at growing intervals and lets every caller wait until the timeout.
    """

    def __init__(
        self,
        url: str,
        kept: frozenset[str],
        *,
        validate_rows: bool,
        connection_class: type[AsyncPinnedConnection] = AsyncPinnedConnection,
        **options: Any,
    ) -> None:
        # psycopg retries once, at once. After that, the next caller triggers the next attempt.
        super().__init__(
            url, connection_class=connection_class, open=False, name="skilltree", reconnect_timeout=0, **options
        )
        self.pid = os.getpid()
        self.loop: object = None
        self.lent: set[AsyncPinnedConnection] = set()
        self.connections: WeakSet[AsyncPinnedConnection] = WeakSet()
        self.generation = 0
        self.replaced_at = 0.0
        self.failure: psycopg.Error | None = None
        self._kept = kept
        self._validate_rows = validate_rows

    async def _connect(self, timeout: float | None = None) -> AsyncPinnedConnection:
        """Connect like psycopg, pin the settings, or fail the callers that wait when the attempt begins."""
        generation, begun_at = self.generation, monotonic()
        async with self._lock:
            waiting = set(self._waiting)
        try:
            connection = await super()._connect(timeout)
            async with self._lock:
                self.connections.add(connection)
            try:
                await connection.pin(self._kept)
            except BaseException:
                await connection.close()
                raise
        except Exception as error:
            self.failure = failure = _as_driver_error(error)
            await self._fail(waiting, failure)
            raise
        connection.generation = generation
        connection.begun_at = begun_at
        connection.validates_rows = self._validate_rows
        self.failure = None
        return connection

    async def reconnect_failed(self) -> None:
        """Try again for callers that came after the attempt had begun: the server may be back since then."""
        failure = self.failure
        async with self._lock:
            if failure is not None and self._is_only_full(failure):
                return
            if self._waiting:
                self._maybe_grow_pool()
        self._wake_opener()

    async def _fail(self, waiting: Set[Any], failure: psycopg.Error) -> None:
        """Fail these callers, which are the first of the queue, unless the server is only full."""
        async with self._lock:
            if self._is_only_full(failure):
                return
            while self._waiting and self._waiting[0] in waiting:
                self._waiting.popleft()
        self._wake_opener()
        for one in waiting:
            error = from_driver(failure)
            error.__cause__ = failure
            await one.fail(error)

    def _is_only_full(self, failure: psycopg.Error) -> bool:
        """Tell whether the server is up but takes no more connections: a caller that has one will give it back."""
        return "FATAL" in str(failure) and any(not one.closed for one in list(self.connections))

    def _wake_opener(self) -> None:
        opener = self._pool_full_event
        if opener is not None:
            opener.set()

    async def replace_all(self, connection: AsyncPinnedConnection) -> None:
        """Replace all connections if this one is of the current generation; those in use, when they come back."""
        now = monotonic()
        if connection.generation == self.generation and now - self.replaced_at > _BETWEEN_REPLACEMENTS:
            self.generation += 1
            self.replaced_at = now
            await self.drain()

    def abandon(self) -> None:
        """Mark a pool as closed whose event loop or process has ended, because nobody can close it."""
        # A normal close would wait for the pool's threads.
        self._closed = True
        self.lent.clear()
        self._waiting.clear()


def _as_driver_error(error: Exception) -> psycopg.Error:
    if isinstance(error, psycopg.Error):
        return error
    failure = psycopg.Error(f"cannot connect: {error!r}")
    failure.__cause__ = error
    return failure
