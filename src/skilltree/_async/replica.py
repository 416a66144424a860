"""Reads from a standby. Each says in its own round trip how far the standby must be, or else reads the primary."""

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any

from psycopg.rows import tuple_row

from skilltree._async.pool import AsyncPool
from skilltree._async.repository import AsyncStep
from skilltree._async.steps import has_rows, run_steps
from skilltree._core.logs import REPLICA
from skilltree._core.positions import Positions, may_be_stale, user_of, users_of
from skilltree._core.queries import read
from skilltree._core.roles import Actor
from skilltree.errors import DatabaseFailure, PermissionDenied, StatementTimeout

Rows = list[list[Any]]

_PAUSE = 5.0
"""For how many seconds a replica that is down, or is none, is left alone."""


class AsyncReplica:
    """The pool of a standby, and what is known about the positions of both servers."""

    def __init__(self, pool: AsyncPool, longest_lag: float) -> None:
        self._pool = pool
        self._positions = Positions(longest_lag)
        self._position = AsyncStep(read("replicas/position"), {}, tuple_row)
        self._is_wanted = False
        self._is_open = False
        self._paused_until = 0.0
        self._counts = {"replica_reads": 0, "replica_behind": 0, "replica_failures": 0}

    async def open(self) -> None:
        """Connect. If the standby is down, reads go to the primary meanwhile. Raises UnfitDatabase."""
        self._is_wanted = True
        self._paused_until = 0.0
        await self._try_to_open()

    async def close(self) -> None:
        """Close the pool."""
        self._is_wanted = self._is_open = False
        await self._pool.close()

    def statistics(self) -> dict[str, int]:
        """Return how many reads the standby answered, for how many it was too far behind, and how often it failed."""
        return dict(self._counts)

    def wrote(self, actor: Actor) -> None:
        """Take note that an actor has written, or may have."""
        self._positions.wrote(user_of(actor))

    async def run(
        self,
        steps: Sequence[AsyncStep],
        actor: Actor,
        primary: Callable[[Sequence[AsyncStep], Actor], Awaitable[Rows]],
    ) -> Rows:
        """Read from the standby if it is far enough for these reads, else run the statements on the primary."""
        if not may_be_stale(steps) or has_rows(steps):
            try:
                return await primary(steps, actor)
            finally:
                self.wrote(actor)
        users = users_of(steps, actor)
        position = self._positions.required(users)
        rows = None if position is None else await self._from_standby(steps, actor, position)
        if rows is not None:
            return rows
        look = self._positions.look(users)
        [[(position,)], *rows] = await primary([self._position, *steps], actor)
        self._positions.learned(look, position)
        return rows

    async def _from_standby(self, steps: Sequence[AsyncStep], actor: Actor, position: int) -> Rows | None:
        """Return the rows, or ``None`` if the standby cannot give them now."""
        if not self._is_wanted or monotonic() < self._paused_until or not await self._try_to_open():
            return None
        reached = AsyncStep(read("replicas/reached"), {"position": position}, tuple_row)
        try:
            connection = await self._pool.checkout()
        except DatabaseFailure as error:
            self._pause(f"{type(error).__name__} ({error.sqlstate})")
            return None
        try:
            [[(is_standby, has_reached)], *rows] = await run_steps(connection, [reached, *steps], actor)
            if not is_standby:
                # It was promoted, or the URL leads to a primary. Its log may be another one.
                self._pause("it is no standby")
                await connection.close()
                return None
        except (PermissionDenied, StatementTimeout):
            raise
        except DatabaseFailure as error:
            await self._pool.retire(connection, error)
            self._counts["replica_failures"] += 1
            REPLICA.info("a read goes to the primary after %s (%s)", type(error).__name__, error.sqlstate)
            return None
        finally:
            await self._pool.give_back(connection)
        self._counts["replica_reads" if has_reached else "replica_behind"] += 1
        return rows if has_reached else None

    async def _try_to_open(self) -> bool:
        if not self._is_open:
            try:
                await self._pool.open()
            except DatabaseFailure as error:
                self._pause(f"{type(error).__name__} ({error.sqlstate})")
                return False
            self._is_open = True
        return True

    def _pause(self, reason: str) -> None:
        self._paused_until = monotonic() + _PAUSE
        self._counts["replica_failures"] += 1
        REPLICA.warning("the replica is not read for %d s: %s", _PAUSE, reason)
