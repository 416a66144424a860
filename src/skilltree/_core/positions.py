"""Positions of the primary's log: which one a replica must have reached, so that a read may go there."""

from collections import deque
from collections.abc import Iterable, Sequence
from threading import Lock
from time import monotonic
from typing import NamedTuple, Protocol
from uuid import UUID

from skilltree._core.messages import shown
from skilltree._core.queries import Query
from skilltree._core.roles import Actor
from skilltree._core.rows import Params
from skilltree._core.scopes import locks, writes
from skilltree.errors import InvalidValue

EVERYBODY = None
"""Stands for all users, when a write was not made for one learner."""

_MOST_USERS = 10_000
# What a decision follows from: whether somebody may log in, and what has to be repaired.
_NEVER_STALE = {"accounts", "sessions", "doctor"}


class _Step(Protocol):
    @property
    def query(self) -> Query: ...

    @property
    def params(self) -> Params: ...


def may_be_stale(steps: Sequence[_Step]) -> bool:
    """Return whether these are reads whose answer may be some seconds old."""
    return not (writes(steps) or locks(steps)) and not any(
        step.query.place is None and step.query.name.removeprefix("json/").partition("/")[0] in _NEVER_STALE
        for step in steps
    )


def user_of(actor: Actor) -> UUID | None:
    """Return the learner as whom an actor works, or ``EVERYBODY``."""
    return _uuid(actor.params.get("user_id")) if actor.is_learner else EVERYBODY


def users_of(steps: Sequence[_Step], actor: Actor) -> set[UUID | None]:
    """Return the users whose writes these reads must show."""
    return {user_of(actor), *(_uuid(step.params.get("user_id")) for step in steps)}


def _uuid(value: object) -> UUID | None:
    return value if isinstance(value, UUID) else None


class _Write:
    """The last write of a user. Its position is not known before the primary is asked again."""

    position: int | None = None


class Look(NamedTuple):
    """What is learned from the primary's next position: when it was asked for, and for which writes."""

    at: float
    writes: Sequence[_Write]


class Positions:
    """The positions of the last writes of each user, and of some moments of the last seconds."""

    def __init__(self, longest_lag: float) -> None:
        if not longest_lag > 0:
            raise InvalidValue(
                f"replica_lag must be more than 0 seconds, not {shown(longest_lag)}", field="replica_lag"
            )
        self._longest_lag = longest_lag
        self._writes: dict[UUID | None, _Write] = {}
        self._moments: deque[tuple[float, int]] = deque()
        self._floor = 0
        # A lock, because threads share a database.
        self._turn = Lock()

    def wrote(self, user: UUID | None) -> None:
        """Take note that a user has written, or may have."""
        with self._turn:
            self._writes.pop(user, None)
            self._writes[user] = _Write()
            if len(self._writes) > _MOST_USERS:
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        user = next(each for each in self._writes if each is not EVERYBODY)
        position = self._writes.pop(user).position
        if position is None:
            self._writes[EVERYBODY] = _Write()
        else:
            self._floor = max(self._floor, position)

    def required(self, users: Iterable[UUID | None]) -> int | None:
        """Return the position that a replica must have reached for a read about these users.

        ``None``: it is not known, so that the primary must be read.
        """
        with self._turn:
            while self._moments and self._moments[0][0] < monotonic() - self._longest_lag:
                self._moments.popleft()
            if not self._moments:
                return None
            required = max(self._floor, self._moments[0][1])
            for write in self._of(users):
                if write.position is None:
                    return None
                required = max(required, write.position)
            return required

    def look(self, users: Iterable[UUID | None]) -> Look:
        """Return what the primary's position will tell. Call it before the primary is asked."""
        with self._turn:
            return Look(monotonic(), self._of(users))

    def learned(self, look: Look, position: int) -> None:
        """Take note of the primary's position."""
        with self._turn:
            for write in look.writes:
                write.position = position
            if not self._moments or look.at > self._moments[-1][0] + self._longest_lag / 10:
                self._moments.append((look.at, position))

    def _of(self, users: Iterable[UUID | None]) -> list[_Write]:
        return [self._writes[user] for user in {EVERYBODY, *users} if user in self._writes]
