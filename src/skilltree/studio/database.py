"""Reads in read-only transactions, and notes which query files a page runs and what they cost."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

from psycopg.conninfo import make_conninfo

from skilltree._core.observer import Observation, Sent, Watched
from skilltree._core.queries import Query, read
from skilltree._core.rows import rows_of
from skilltree._core.session_settings import options
from skilltree._core.urls import checked_url
from skilltree._sync.database import Database
from skilltree._sync.repository import Step
from skilltree._sync.unit import UnitOfWork
from skilltree.errors import SkillTreeError
from skilltree.models.base import Model
from skilltree.studio.viewpoint import Viewpoint

M = TypeVar("M", bound=Model)

_READ_ONLY = "-c default_transaction_read_only=on"


class NotReadOnly(SkillTreeError):
    """The transaction could write. Studio reads only through read-only transactions, so nothing was read.

    A pooler has left out the option ``default_transaction_read_only``. Connect to the server itself.
    """


class Cost(Model):
    """A row of ``studio/cost``."""

    buffers: int
    role_name: str
    is_read_only: bool


@dataclass
class Page:
    """What one page has run so far: the query files, the milliseconds of each, and the totals."""

    ran: list[tuple[str, float]] = field(default_factory=list)
    role: str = ""
    buffers: int = 0

    @property
    def milliseconds(self) -> float:
        """Return the time of all statements, with the network."""
        return sum(each for _, each in self.ran)


_PAGE: ContextVar[Page | None] = ContextVar("_PAGE", default=None)


def read_only(url: str) -> str:
    """Return the same connection string for sessions whose transactions are read-only."""
    parts = checked_url(url)
    return make_conninfo(url, options=f"{options(parts)} {_READ_ONLY}".strip())


class Reader:
    """The database, for reading. The server refuses every write."""

    def __init__(self, url: str, *, timeout: float) -> None:
        self.url = read_only(url)
        self.timeout = timeout
        self._database = Database(self.url, max_size=4, statement_timeout=timeout, observer=_Notes())

    def open(self) -> None:
        """Connect."""
        self._database.open()

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    @contextmanager
    def page(self, view: Viewpoint) -> Iterator[tuple[UnitOfWork, Page]]:
        """Open a read-only unit of work as a viewpoint, and note what it runs and touches."""
        page = Page()
        with view.transaction(self._database) as unit:
            before = _cost(unit)
            if not before.is_read_only:
                raise NotReadOnly
            page.role = before.role_name
            token = _PAGE.set(page)
            try:
                yield unit, page
            finally:
                _PAGE.reset(token)
            page.buffers = _cost(unit).buffers - before.buffers


def rows(unit: UnitOfWork, query: Query, model: type[M], params: Mapping[str, object]) -> list[M]:
    """Run one of Studio's own query files."""
    found: list[M] = unit.run([Step(query, params, rows_of(model, query))])[0]
    return found


def _cost(unit: UnitOfWork) -> Cost:
    return rows(unit, read("studio/cost"), Cost, {})[0]


class _Call:
    """One round trip with its statements."""

    def __init__(self, names: Sequence[str], page: Page | None) -> None:
        self._names = names
        self._page = page
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._page is not None:
            each = (time.perf_counter() - self._began) * 1000 / len(self._names)
            self._page.ran += [(name, each) for name in self._names]

    def sent(self) -> None:
        """Do nothing: there is nothing to make meanwhile."""

    def retry(self, error: BaseException) -> None:
        """Do nothing: a unit of work is not tried again."""


class _Unit(_Call):
    """A unit of work, which has no name."""

    def __init__(self) -> None:
        super().__init__((), None)


class _Notes:
    """An observer that adds each statement to the page that runs it."""

    def watch(self, database: Watched) -> None:
        """Do nothing: there is one database."""

    def call(self, steps: Sequence[Sent], unit: Observation | None) -> Observation:
        return _Call([step.query.name for step in steps], _PAGE.get())

    def unit(self, outer: Observation | None) -> Observation:
        return _Unit()

    def waited(self, seconds: float, error: BaseException | None) -> None:
        """Do nothing: the time is not a statement's."""
