"""The pool of one process: who waits is served in turn, or told at once why there is no connection."""

import asyncio
import os
from asyncio import Lock as Turn
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from weakref import WeakSet

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from skilltree._async.connection import AsyncPinnedConnection
from skilltree._core.driver_errors import from_driver, translated
from skilltree._core.forks import HOLDERS, keep, sever
from skilltree._core.server_requirements import refuse_replica, refuse_unfit
from skilltree._core.sockets import has_something_to_say
from skilltree.errors import (
    DatabaseFailure,
    InvalidValue,
    OtherEventLoop,
    PoolExhausted,
    PoolNotOpen,
    ServerUnavailable,
)

# The least time between two replacements of all connections, in seconds: a server that stays unfit is not stormed.
_BETWEEN_REPLACEMENTS = 1.0


class _Pool(AsyncConnectionPool[AsyncPinnedConnection]):
    """psycopg's pool, with the process and event loop that it belongs to.

    When no connection can be made, whoever waits is told, and keeps no place in the queue; the next who asks makes it
    try again. psycopg's own only tries, ever more rarely, and lets everybody wait until the time-out.
    """

    def __init__(self, url: str, kept: frozenset[str], **options: Any) -> None:
        # Without time to try again: that is for who asks next.
        super().__init__(
            url, connection_class=AsyncPinnedConnection, open=False, name="skilltree", reconnect_timeout=0, **options
        )
        self.pid = os.getpid()
        self.loop: object = None
        self.lent: set[AsyncPinnedConnection] = set()
        self.made: WeakSet[AsyncPinnedConnection] = WeakSet()
        self.generation = 0
        self.replaced_at = 0.0
        self.failure: psycopg.Error | None = None
        self._kept = kept

    async def _connect(self, timeout: float | None = None) -> AsyncPinnedConnection:
        """Connect as psycopg's does, pin the settings, and tell who waits if that fails."""
        generation, begun_at = self.generation, monotonic()
        try:
            connection = await super()._connect(timeout)
            self.made.add(connection)
            try:
                await connection.pin(self._kept)
            except BaseException:
                await connection.close()
                raise
        except psycopg.Error as error:
            self.failure = error
            await self._tell_who_waits()
            raise
        connection.generation = generation
        connection.begun_at = begun_at
        self.failure = None
        return connection

    async def reconnect_failed(self) -> None:
        """Tell also those who came to wait while psycopg gave up: from now on, who asks makes it try again."""
        await self._tell_who_waits()

    async def _tell_who_waits(self) -> None:
        # The server is there, and takes no more connections: those who have some will give them back.
        if self.failure is None or ("FATAL" in str(self.failure) and any(not one.closed for one in list(self.made))):
            return
        async with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
        # Of those who open the pool.
        if self._pool_full_event is not None:
            self._pool_full_event.set()
        for one in waiting:
            error = from_driver(self.failure)
            error.__cause__ = self.failure
            await one.fail(error)

    async def replace_all(self, connection: AsyncPinnedConnection) -> None:
        """Replace all connections, if one of the present generation is unfit: those in use when they come back."""
        now = monotonic()
        if connection.generation == self.generation and now - self.replaced_at > _BETWEEN_REPLACEMENTS:
            self.generation += 1
            self.replaced_at = now
            await self.drain()

    def abandon(self) -> None:
        """Leave a pool whose event loop or process is not there any more: nobody can close it."""
        # What psycopg's pool would do at its end waits for its threads.
        self._closed = True
        self.lent.clear()
        self._waiting.clear()


class AsyncPool:
    """The connections of a database, made anew in each process and event loop that uses them."""

    def __init__(self, url: str, kept: frozenset[str], *, timeout: float, **options: Any) -> None:
        self._url = url
        self._kept = kept
        self._timeout = timeout
        self._options = {**options, "timeout": timeout}
        self._reopens = False
        self._opening = Turn()
        self._pool = self._made()
        HOLDERS.add(self)

    async def open(self) -> None:
        """Connect, again after a close. Raises ServerUnavailable with the server's reason if that fails."""
        async with self._opening:
            self._look_where()
            if self._pool.closed:
                await self._open()
            self._reopens = True

    async def close(self) -> None:
        """Close the pool; what is under way is finished first by those who hold a connection."""
        self._look_where()
        self._reopens = False
        await self._pool.close()

    async def checkout(self) -> AsyncPinnedConnection:
        """Return a connection that stands. Raises PoolExhausted, or ServerUnavailable as soon as that is certain."""
        pool = self._pool
        loop: object = asyncio.get_running_loop()
        if pool.pid != os.getpid() or pool.loop is not loop or pool.closed:
            pool = await self._opened()
        return await self._lent(pool)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncPinnedConnection]:
        """Lend a connection for a block."""
        connection = await self.checkout()
        try:
            yield connection
        except DatabaseFailure as error:
            await self.retire(connection, error)
            raise
        finally:
            await self.give_back(connection)

    async def give_back(self, connection: AsyncPinnedConnection) -> None:
        """Take a connection back. One on which something of its work is left is closed, and replaced."""
        pool: Any = connection._pool
        # Of another process, or of an event loop that has ended: nobody's any more.
        if pool is None or pool.pid != os.getpid():
            return
        pool.lent.discard(connection)
        # psycopg's pool would mend some of it, and not all.
        state = connection.pgconn
        if state.transaction_status != TransactionStatus.IDLE or state.pipeline_status != PipelineStatus.OFF:
            await connection.close()
        await pool.putconn(connection)

    async def retire(self, connection: AsyncPinnedConnection, error: DatabaseFailure) -> None:
        """Close a connection for which this error means that it is unfit, and replace the others if they are, too."""
        pool: Any = connection._pool
        if not error.is_connection_unfit or pool is None or pool.pid != os.getpid():
            return
        if not connection.closed:
            await connection.close()
        if error.are_others_unfit:
            await pool.replace_all(connection)

    def statistics(self) -> dict[str, int]:
        """Return psycopg's counters of this process's pool, and how many connections are lent."""
        return {**self._pool.get_stats(), "lent": len(self._pool.lent)}

    def forget(self) -> None:
        """Leave all connections to the process that made them; the next use makes others here."""
        for connection in list(self._pool.made):
            sever(connection)
        self._leave()
        keep(self._pool)
        self._opening = Turn()
        self._pool = self._made()

    def _leave(self) -> None:
        self._reopens = self._reopens or not self._pool.closed
        self._pool.abandon()

    def _made(self) -> _Pool:
        try:
            return _Pool(self._url, self._kept, **self._options)
        except (ValueError, TypeError) as error:
            raise InvalidValue(str(error), field="min_size") from error

    def _look_where(self) -> None:
        """Leave a pool of another process, or of an event loop that has ended."""
        if self._pool.pid != os.getpid():
            self.forget()
        loop: Any = self._pool.loop
        current: object = asyncio.get_running_loop()
        if self._pool.closed or loop is current:
            return
        if not loop.is_closed():
            raise OtherEventLoop
        self._leave()
        for connection in list(self._pool.made):
            connection.pgconn.finish()
        self._opening = Turn()
        self._pool = self._made()

    async def _opened(self) -> _Pool:
        self._look_where()
        async with self._opening:
            if self._pool.closed:
                if not self._reopens:
                    raise PoolNotOpen from PoolClosed("the pool is not open")
                await self._open()
            return self._pool

    async def _open(self) -> None:
        pool = self._made()
        pool.loop = asyncio.get_running_loop()
        self._pool = pool
        try:
            await pool.open()
            await self._filled(pool)
            for connection in list(pool.made):
                refuse_unfit(connection.info)
                refuse_replica(is_replica=connection.is_replica)
        except BaseException:
            await pool.close()
            raise

    async def _filled(self, pool: _Pool) -> None:
        """Wait until a pool has its connections, or it is certain that it gets none."""
        if pool.failure is None:
            with translated():
                await pool.wait(self._timeout)
        if pool.failure is not None:
            raise from_driver(pool.failure) from pool.failure
        if pool.min_size == 0:
            await self.give_back(await self._lent(pool))

    async def _lent(self, pool: _Pool) -> AsyncPinnedConnection:
        started = monotonic()
        timeout = self._timeout
        while True:
            try:
                connection = await pool.getconn(timeout)
            except PoolTimeout as error:
                if pool.failure is not None:
                    raise from_driver(pool.failure) from pool.failure
                if not pool.lent:
                    raise ServerUnavailable(f"the server took no connection within {self._timeout} s") from error
                raise PoolExhausted from error
            except psycopg.Error as error:
                raise from_driver(error) from error
            stands = not connection.closed and not has_something_to_say(connection.fileno())
            if stands and not connection.is_replica:
                pool.lent.add(connection)
                return connection
            # What the server has said there is its farewell, if not a notice: better a new one in any case.
            await connection.close()
            await pool.putconn(connection)
            # One from before may have been made before somebody mended it.
            refuse_replica(is_replica=stands and connection.begun_at > started)
            timeout = started + self._timeout - monotonic()
