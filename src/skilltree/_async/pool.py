"""The connection pool of one process. Waiting callers are served in turn, and fail at once if nobody can connect."""

import asyncio
import os
from asyncio import Lock as Turn
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg_pool import PoolClosed, PoolTimeout

from skilltree._async.connection import AsyncObservedConnection, AsyncPinnedConnection
from skilltree._async.driver_pool import AsyncDriverPool
from skilltree._core.driver_errors import from_driver, translated
from skilltree._core.forks import HOLDERS, keep, sever
from skilltree._core.logs import POOL
from skilltree._core.observer import Observer
from skilltree._core.server_requirements import refuse_replica, refuse_unfit
from skilltree._core.sockets import has_input
from skilltree.errors import (
    DatabaseFailure,
    InvalidValue,
    OtherEventLoop,
    PoolExhausted,
    PoolNotOpen,
    ServerUnavailable,
)


class AsyncPool:
    """The connections of a database. Each process and event loop that uses them gets its own."""

    def __init__(self, url: str, kept: frozenset[str], *, timeout: float, **options: Any) -> None:
        self._url = url
        self._kept = kept
        self._timeout = timeout
        self._options = {**options, "timeout": timeout}
        self._reopens = False
        self._opening = Turn()
        self._pool = self._new_pool()
        HOLDERS.add(self)

    async def open(self) -> None:
        """Connect; this also works after a close. Raises ServerUnavailable with the server's reason."""
        async with self._opening:
            self._replace_stale_pool()
            if self._pool.closed:
                await self._open()
            self._reopens = True

    async def close(self) -> None:
        """Close the pool. A connection in use is closed when its work has finished."""
        self._replace_stale_pool()
        self._reopens = False
        await self._pool.close()

    async def checkout(self) -> AsyncPinnedConnection:
        """Return a live connection. Raises PoolExhausted, or ServerUnavailable as soon as that is certain."""
        pool = self._pool
        loop: object = asyncio.get_running_loop()
        if pool.pid != os.getpid() or pool.loop is not loop or pool.closed:
            pool = await self._ensure_open()
        return await self._take_connection(pool)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncPinnedConnection]:
        """Lend a connection to a block."""
        connection = await self.checkout()
        try:
            yield connection
        except DatabaseFailure as error:
            await self.retire(connection, error)
            raise
        finally:
            await self.give_back(connection)

    async def give_back(self, connection: AsyncPinnedConnection) -> None:
        """Take a connection back. One with unfinished work is closed and replaced."""
        pool: Any = connection._pool
        # It belongs to another process or to an event loop that has ended: there is no pool to return it to.
        if pool is None or pool.pid != os.getpid():
            return
        pool.lent.discard(connection)
        # psycopg's pool would clean up some of these states, but not all.
        state = connection.pgconn
        if state.transaction_status != TransactionStatus.IDLE or state.pipeline_status != PipelineStatus.OFF:
            await connection.close()
        await pool.putconn(connection)

    async def retire(self, connection: AsyncPinnedConnection, error: DatabaseFailure) -> None:
        """Close a connection that this error makes unusable, and replace the others if it affects them, too."""
        pool: Any = connection._pool
        if not error.is_connection_unfit or pool is None or pool.pid != os.getpid():
            return
        others = ", and the others are replaced" if error.are_others_unfit else ""
        POOL.warning("a connection is closed after %s (%s)%s", type(error).__name__, error.sqlstate, others)
        if not connection.closed:
            await connection.close()
        if error.are_others_unfit:
            await pool.replace_all(connection)

    def statistics(self) -> dict[str, int]:
        """Return psycopg's counters of this process's pool, and the number of connections in use."""
        return {**self._pool.get_stats(), "lent": len(self._pool.lent)}

    def forget(self) -> None:
        """Leave all connections to the process that made them. The next call here opens new ones."""
        for connection in list(self._pool.connections):
            sever(connection)
        self._leave()
        keep(self._pool)
        self._opening = Turn()
        self._pool = self._new_pool()

    def _leave(self) -> None:
        self._reopens = self._reopens or not self._pool.closed
        self._pool.abandon()

    def _new_pool(self) -> AsyncDriverPool:
        try:
            return AsyncDriverPool(self._url, self._kept, **self._options)
        except (ValueError, TypeError) as error:
            raise InvalidValue(str(error), field="min_size") from error

    def _replace_stale_pool(self) -> None:
        """Replace the pool if it belongs to another process, or to an event loop that has ended."""
        if self._pool.pid != os.getpid():
            self.forget()
        loop: Any = self._pool.loop
        current: object = asyncio.get_running_loop()
        if self._pool.closed or loop is current:
            return
        if not loop.is_closed():
            raise OtherEventLoop
        self._leave()
        for connection in list(self._pool.connections):
            connection.pgconn.finish()
        self._opening = Turn()
        self._pool = self._new_pool()

    async def _ensure_open(self) -> AsyncDriverPool:
        self._replace_stale_pool()
        async with self._opening:
            if self._pool.closed:
                if not self._reopens:
                    raise PoolNotOpen from PoolClosed("the pool is not open")
                await self._open()
            return self._pool

    async def _open(self) -> None:
        pool = self._new_pool()
        pool.loop = asyncio.get_running_loop()
        self._pool = pool
        try:
            await pool.open()
            await self._wait_until_filled(pool)
            for connection in list(pool.connections):
                refuse_unfit(connection.info)
                refuse_replica(is_replica=connection.is_replica)
        except BaseException:
            await pool.close()
            raise

    async def _wait_until_filled(self, pool: AsyncDriverPool) -> None:
        """Wait until the pool has its connections, or until it is certain that it cannot connect."""
        if pool.failure is None:
            with translated():
                await pool.wait(self._timeout)
        if pool.failure is not None:
            raise from_driver(pool.failure) from pool.failure
        if pool.min_size == 0:
            await self.give_back(await self._take_connection(pool))

    async def _take_connection(self, pool: AsyncDriverPool) -> AsyncPinnedConnection:
        started = monotonic()
        timeout = self._timeout
        while True:
            try:
                connection = await pool.getconn(timeout)
            except PoolTimeout as error:
                if pool.failure is not None:
                    raise from_driver(pool.failure) from pool.failure
                if not pool.lent:
                    raise ServerUnavailable(f"the server accepted no connection within {self._timeout} s") from error
                raise PoolExhausted from error
            except psycopg.Error as error:
                # A pool that cannot be opened is closed again, and its failure says why.
                reason = pool.failure if isinstance(error, PoolClosed) and pool.failure is not None else error
                raise from_driver(reason) from reason
            is_live = not connection.closed and not has_input(connection.fileno())
            if is_live and not connection.is_replica:
                pool.lent.add(connection)
                return connection
            # Input on an idle connection mostly means that the server has closed it. A new one is safe in any case.
            await connection.close()
            await pool.putconn(connection)
            # A connection made before this call may date from before somebody corrected the setting.
            refuse_replica(is_replica=is_live and connection.begun_at > started)
            timeout = started + self._timeout - monotonic()


class AsyncObservedPool(AsyncPool):
    """A pool that tells an observer how long callers wait for a connection, and calls when they are sent."""

    def __init__(self, url: str, kept: frozenset[str], observer: Observer, **options: Any) -> None:
        super().__init__(url, kept, connection_class=AsyncObservedConnection, **options)
        self._observer = observer

    async def checkout(self) -> AsyncPinnedConnection:
        started = monotonic()
        try:
            connection = await super().checkout()
        except BaseException as error:
            self._observer.waited(monotonic() - started, error)
            raise
        self._observer.waited(monotonic() - started, None)
        return connection
