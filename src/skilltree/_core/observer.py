"""What a database tells its observer: calls, retries, units of work and waits. OpenTelemetry's is in ``contrib``."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from psycopg.abc import PQGen
from psycopg.pq import Conninfo

from skilltree._core.queries import Query

T = TypeVar("T")

_UNSENT: "ContextVar[Observation | None]" = ContextVar("_UNSENT", default=None)
"""The call of this task or thread, until its first statements are sent."""


class Watched(NamedTuple):
    """The database that an observer is given to, as its URL describes it, and the counters of its pool."""

    host: str | None
    port: str
    name: str
    statistics: Callable[[], Mapping[str, int]]


class Sent(Protocol):
    """A statement of a call. ``is_main`` marks the one that the call is named after."""

    @property
    def query(self) -> Query: ...

    @property
    def is_main(self) -> bool: ...


class Observation(Protocol):
    """A call or a unit of work while it runs: a context manager, which is told the error that ends it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def sent(self) -> None:
        """Do what takes time: the server is at work. Runs once, or never if nothing could be sent."""

    def retry(self, error: BaseException) -> None:
        """Take note that the call is tried again after this error."""


class Observer(Protocol):
    """Takes note of what one database does. Its methods must not raise, block, or use the database."""

    def watch(self, database: Watched) -> None:
        """Take note of the database, before anything else."""

    def call(self, steps: Sequence[Sent], unit: Observation | None) -> Observation:
        """Return the observation of statements that run together, in ``unit`` or as a transaction of their own."""

    def unit(self, outer: Observation | None) -> Observation:
        """Return the observation of a unit of work; within ``outer``, it is a savepoint."""

    def waited(self, seconds: float, error: BaseException | None) -> None:
        """Take note of how long a caller waited for a connection, and of the error if it got none."""


def unit_of(observer: Observer | None, outer: Observation | None = None) -> AbstractContextManager[Observation | None]:
    """Return the observation of a unit of work, or a context manager that does nothing."""
    return nullcontext() if observer is None else observer.unit(outer)


class Calling:
    """A call of an observer as a context manager. Observed connections tell it when it is sent."""

    __slots__ = ("_call", "_token")

    def __init__(self, call: Observation) -> None:
        self._call = call

    def __enter__(self) -> Observation:
        self._token: Token[Observation | None] = _UNSENT.set(self._call)
        return self._call.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _UNSENT.reset(self._token)
        self._call.__exit__(kind, error, traceback)


def told(steps: PQGen[T]) -> PQGen[T]:
    """Return the steps of psycopg with a server, which tell the call of this task or thread when it is sent."""
    call = _UNSENT.get()
    if call is None:
        return steps
    _UNSENT.set(None)
    return _told(steps, call)


def _told(steps: PQGen[T], call: Observation) -> PQGen[T]:
    try:
        # psycopg first waits after it has handed all to the system.
        wanted = next(steps)
        call.sent()
        while True:
            wanted = steps.send((yield wanted))
    except StopIteration as end:
        result: T = end.value
        return result


def main_of(steps: Sequence[Sent]) -> Query:
    """Return the query that a call is named after: the marked one, or the first."""
    return next((step.query for step in steps if step.is_main), steps[0].query)


def watched(parts: Mapping[str, Any], statistics: Callable[[], Mapping[str, int]]) -> Watched:
    """Return what an observer may know of a database: no user, no password."""
    # libpq's defaults include the environment (PGHOST).
    defaults = {option.keyword.decode(): (option.val or b"").decode() for option in Conninfo.get_defaults()}
    known = {**defaults, **{name: str(value) for name, value in parts.items()}}
    host = known.get("host") or known.get("hostaddr") or None
    return Watched(host, known.get("port") or "5432", known.get("dbname") or known.get("user") or "", statistics)
