"""A connection of the pool: its session settings are pinned, and its login role is known."""

from typing import Any

from psycopg import AsyncConnection, IsolationLevel

from skilltree._core.queries import read
from skilltree._core.rows import Params
from skilltree._core.session_settings import FOLLOWED, ISOLATION, PINNED, UNSEEN, pinned


class AsyncPinnedConnection(AsyncConnection[Any]):
    """A connection whose results do not depend on settings of the server, role, database or environment."""

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

    begun_at = 0.0
    """When connecting started, on the monotonic clock."""

    generation = 0
    """How often the pool had replaced its connections when it made this one."""

    async def pin(self, kept: frozenset[str]) -> None:
        """Pin the settings except those in ``kept``, in one round trip."""
        names = [name for name in PINNED if name.lower() not in kept]
        query = read("roles/pin_settings")
        params = {**pinned(names), "followed": list(FOLLOWED), "backend": self.pgconn.backend_pid}
        row = await (await self.execute(query.numbered, query.values(params))).fetchone()
        if row is not None:
            self.is_learner, loose, self.is_replica = row
            self.carried = pinned(loose) if loose else None
            self.must_carry = not set(loose) <= set(UNSEEN)
        if ISOLATION in kept:
            self.begin = b"begin"
        else:
            await self.set_isolation_level(IsolationLevel.READ_COMMITTED)
