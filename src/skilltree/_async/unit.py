"""Units of work: one transaction on one connection. Several tasks or threads can share it and take turns."""

import os
from asyncio import Lock as Turn
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import psycopg
from psycopg import AsyncCursor, AsyncRawServerCursor, AsyncTransaction
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from skilltree._async.connection import AsyncPinnedConnection
from skilltree._async.repositories import AsyncRepositories
from skilltree._async.repository import AsyncStep
from skilltree._async.steps import allowed, beginning_for, cursors_of, received, run_steps, statements_of
from skilltree._core.driver_errors import is_unanswered, translated
from skilltree._core.exchange import Statement
from skilltree._core.observer import Calling, Observation, Observer, unit_of
from skilltree._core.roles import Actor
from skilltree.errors import ForkedProcess, OutcomeUnknown, UnitOfWorkBroken, UnitOfWorkBusy, UnitOfWorkEnded

_INSIDE: ContextVar[frozenset[object]] = ContextVar("_INSIDE", default=frozenset())
"""The savepoints that this code works in. Tasks that it starts inherit them."""


class AsyncUnitOfWork(AsyncRepositories):
    """The repositories in one transaction: either all of the work is committed, or none.

    Tasks or threads that share a unit of work take turns. While one of them has a savepoint open, the others get
    UnitOfWorkBusy: a rollback to the savepoint would undo their work, too.
    """

    is_unit_of_work = True

    def __init__(
        self,
        connection: AsyncPinnedConnection,
        actor: Actor,
        observer: Observer | None = None,
        observed: Observation | None = None,
    ) -> None:
        super().__init__()
        self._observer = observer
        self._observed = observed
        self._connection: AsyncPinnedConnection | None = connection
        self._actor = actor
        self._process = os.getpid()
        self._turn = Turn()
        self._savepoints: list[object] = []
        self._transaction = AsyncTransaction(connection)

    async def run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        if self._observer is None:
            return await self._run(steps)
        with Calling(self._observer.call(steps, self._observed)):
            return await self._run(steps)

    async def _run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        self._open_connection()
        async with self._turn:
            return await run_steps(self._open_connection(), steps, self._actor)

    def stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        rows = self._stream(step)
        return rows if self._observer is None else observed_rows(self._observer, step, self._observed, rows)

    async def _stream(self, step: AsyncStep) -> AsyncGenerator[Any]:
        self._open_connection()
        with translated():
            async with self._turn:
                cursor = await self._open_cursor(step)
            try:
                rows = [*await self._next_rows(cursor)]
                while rows:
                    for row in rows:
                        yield row
                    rows = [] if len(rows) < cursor.itersize else [*await self._next_rows(cursor)]
            finally:
                # If others are at work or the unit has ended, the cursor is closed with the transaction.
                if self._process == os.getpid() and self._connection is not None and not self._turn.locked():
                    async with self._turn:
                        await cursor.close()
                cursor._closed = True

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Self]:
        """Open a savepoint. An error that leaves the block rolls back only the work inside."""
        savepoint, outside = object(), _INSIDE.get()
        with unit_of(self._observer, self._observed) as observed, translated():
            self._open_connection()
            async with self._turn:
                transaction = AsyncTransaction(self._open_connection())
                await transaction.__aenter__()
                self._savepoints.append(savepoint)
                outer, self._observed = self._observed, observed
            _INSIDE.set(outside | {savepoint})
            try:
                yield self
            except BaseException as error:
                if not await self._leave(savepoint, transaction, error):
                    raise
            else:
                await self._leave(savepoint, transaction, None)
            finally:
                self._observed = outer
                _INSIDE.set(outside)

    async def _begin(self) -> None:
        """Begin the transaction and set its actor in one round trip. ``_end`` ends it."""
        await self._send(beginning_for(self._open_connection(), self._actor))

    async def _begin_with(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        """Begin as ``_begin`` does, and run the first statements in the same round trip."""
        if self._observer is None:
            return await self._begin_and_run(steps)
        with Calling(self._observer.call(steps, self._observed)):
            return await self._begin_and_run(steps)

    async def _begin_and_run(self, steps: Sequence[AsyncStep]) -> list[list[Any]]:
        connection = self._open_connection()
        with translated(steps):
            steps = allowed(connection, steps, self._actor)
            cursors = cursors_of(connection, steps)
            await self._send([*beginning_for(connection, self._actor), *statements_of(steps, cursors)])
            return await received(steps, cursors)

    async def _send(self, statements: Sequence[Statement[AsyncCursor[Any]]]) -> None:
        """Begin the transaction, and run statements in the same round trip."""
        connection = self._open_connection()
        try:
            # `connection.transaction()` in a pipeline would keep the pipeline open until the end.
            async with connection.pipeline():
                await self._transaction.__aenter__()
                for each in statements:
                    await each.cursor.execute(each.text, each.values)
        except BaseException:
            if connection.pgconn.pipeline_status != PipelineStatus.OFF:
                # Interrupted with results pending: the connection is in no usable state.
                await connection.close()
            raise

    async def _end(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """Commit, or roll back after an error. In a forked process, leave the connection alone."""
        if self._process != os.getpid():
            self._connection = None
            if error is None:
                raise ForkedProcess
            return False
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is None:
                return False
            problem = _reason_to_undo(connection, self._savepoints) if error is None else None
            if problem is not None:
                await self._roll_back(connection)
                raise problem
            try:
                return await self._transaction.__aexit__(kind, error, traceback)
            except psycopg.OperationalError as failure:
                if error is None and connection.closed and is_unanswered(failure):
                    raise OutcomeUnknown from failure
                raise

    async def _leave(
        self, savepoint: object, transaction: AsyncTransaction, error: BaseException | None
    ) -> bool | None:
        """Release a savepoint, or roll back to it after an error."""
        if self._process != os.getpid() or self._connection is None:
            if error is None:
                raise ForkedProcess if self._process != os.getpid() else UnitOfWorkEnded
            return False
        async with self._turn:
            if self._connection is None or self._connection.closed:
                if error is None:
                    raise UnitOfWorkBroken
                return False
            if self._savepoints[-1] is not savepoint:
                # Another task is still inside. Neither a release nor a rollback would be right for it.
                await self._connection.close()
                raise UnitOfWorkBusy("a savepoint ended while another was open within it: nothing was written")
            self._savepoints.pop()
            return await transaction.__aexit__(None if error is None else type(error), error, None)

    async def _roll_back(self, connection: AsyncPinnedConnection) -> None:
        if not connection.closed:
            # An open savepoint would block psycopg's own rollback.
            await connection.close() if self._savepoints else await self._transaction.__aexit__(
                UnitOfWorkBroken, UnitOfWorkBroken(), None
            )

    async def _open_cursor(self, step: AsyncStep) -> AsyncRawServerCursor[Any]:
        connection = self._open_connection()
        [step] = allowed(connection, [step], self._actor)
        # A unique name, because another cursor may be open.
        name = f"{step.query.name} {uuid4()}"
        cursor = AsyncRawServerCursor(connection, name, row_factory=step.row_factory or tuple_row)
        try:
            await cursor.execute(step.query.numbered, step.query.values(step.params))
        except BaseException:
            # The server has no such cursor, so that there is nothing to close.
            cursor._closed = True
            raise
        return cursor

    async def _next_rows(self, cursor: AsyncRawServerCursor[Any]) -> list[Any]:
        self._open_connection()
        async with self._turn:
            self._open_connection()
            return await cursor.fetchmany(cursor.itersize)

    def _open_connection(self) -> AsyncPinnedConnection:
        """Return the connection, if this code may use it now."""
        if self._process != os.getpid():
            raise ForkedProcess
        if self._connection is None:
            raise UnitOfWorkEnded
        if self._connection.closed:
            raise UnitOfWorkBroken
        if self._savepoints and self._savepoints[-1] not in _INSIDE.get():
            raise UnitOfWorkBusy
        return self._connection


async def observed_rows(
    observer: Observer, step: AsyncStep, unit: Observation | None, rows: AsyncGenerator[Any]
) -> AsyncGenerator[Any]:
    """Yield the rows of a stream, which is one call for the observer."""
    with observer.call((step,), unit) as call:
        call.sent()
        async with aclosing(rows):
            async for row in rows:
                yield row


def _reason_to_undo(connection: AsyncPinnedConnection, savepoints: list[object]) -> Exception | None:
    """Return why the transaction cannot be committed although its block ended without an error."""
    if savepoints:
        return UnitOfWorkBusy("the unit of work ended while a savepoint was open: nothing was written")
    if connection.closed or connection.pgconn.transaction_status == TransactionStatus.INERROR:
        return UnitOfWorkBroken("a statement of the unit of work failed or was cancelled: nothing was written")
    return None
