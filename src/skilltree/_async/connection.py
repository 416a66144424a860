"""A connection of the pool: its session settings are pinned, and its login role is known."""

from collections.abc import Sequence
from typing import Any, TypeVar

from psycopg import AsyncConnection, AsyncCursor, IsolationLevel, ProgrammingError
from psycopg.abc import PQGen

from skilltree._core.exchange import Statement, exchange
from skilltree._core.observer import told
from skilltree._core.queries import Query, read
from skilltree._core.routed import functions
from skilltree._core.rows import Params
from skilltree._core.session_settings import FOLLOWED, ISOLATION, PINNED, UNSEEN, pinned
from skilltree.errors import RowMismatch

T = TypeVar("T")

_MOST_CURSORS = 100


class AsyncPinnedConnection(AsyncConnection[Any]):
    """A connection whose results do not depend on settings of the server, role, database or environment."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._cursors: dict[bytes, AsyncCursor[Any]] = {}

    begin = b"begin isolation level read committed"
    """The statement that begins a transaction on this connection."""

    carried: Params | None = None
    """The settings that each transaction makes itself, because a pooler shares the session with other clients."""

    must_carry = False
    """Whether results depend on what is carried, so that a single statement needs a transaction, too."""

    is_learner = False
    """Whether the login role has only the rights of a learner."""

    is_replica = False
    """Whether triggers are switched off in this session."""

    is_distributed = False
    """Whether other servers have the rows. They learn for whom a transaction works only after BEGIN."""

    is_routed = False
    """Whether the other servers have the functions of this version, so that it sends the twins of query files."""

    validates_rows = False
    """Whether rows are validated although their types prove that they fit."""

    begun_at = 0.0
    """When connecting started, on the monotonic clock."""

    generation = 0
    """How often the pool had replaced its connections when it made this one."""

    def cursor_of(self, query: Query) -> AsyncCursor[Any]:
        """Return the cursor that this connection keeps for a query, for the next run of it alone.

        psycopg looks up the types of parameters and columns again for each new cursor, but only once for one that runs
        the same statement again.
        """
        try:
            return self._cursors[query.numbered]
        except KeyError:
            if len(self._cursors) >= _MOST_CURSORS:
                self._cursors.clear()
            cursor = self._cursors[query.numbered] = self.cursor()
            return cursor

    async def exchange(self, statements: Sequence[Statement[AsyncCursor[Any]]]) -> None:
        """Run statements in one round trip. The cursor of each takes its result."""
        async with self.lock:
            await self.wait(exchange(self, statements))

    @staticmethod
    async def fetched(cursor: AsyncCursor[Any]) -> list[Any]:
        """Return the rows of a kept cursor, and let go of its result."""
        try:
            rows = await cursor.fetchall()
        except ProgrammingError as error:
            raise RowMismatch(
                "the query returns no rows: give it a RETURNING clause, or run it with execute()"
            ) from error
        AsyncPinnedConnection.release(cursor)
        return rows

    @staticmethod
    def release(cursor: AsyncCursor[Any]) -> None:
        """Let go of the result of a kept cursor, which may be large."""
        cursor._reset(reset_query=False)
        cursor._tx.set_pgresult(None)

    async def pin(self, kept: frozenset[str]) -> None:
        """Pin the settings except those in ``kept``, in one round trip."""
        names = [name for name in PINNED if name.lower() not in kept]
        query = read("roles/pin_settings")
        params = {
            **pinned(names),
            "followed": list(FOLLOWED),
            "backend": self.pgconn.backend_pid,
            "functions": [*functions()],
        }
        row = await (await self.execute(query.numbered, query.values(params))).fetchone()
        if row is not None:
            self.is_learner, loose, self.is_replica, self.is_distributed, has_functions = row
            self.is_routed = self.is_distributed and has_functions
            self.carried = pinned(loose) if loose else None
            self.must_carry = not set(loose) <= set(UNSEEN)
        if ISOLATION in kept:
            self.begin = b"begin"
        else:
            await self.set_isolation_level(IsolationLevel.READ_COMMITTED)


class AsyncObservedConnection(AsyncPinnedConnection):
    """A connection that tells the call at work when it is sent."""

    async def wait(self, gen: PQGen[T], *args: Any, **options: Any) -> T:
        return await super().wait(told(gen), *args, **options)
