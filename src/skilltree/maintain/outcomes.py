"""What a run of maintenance was asked for, and what it did."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

Tell = Callable[[str, int, int], None]
"""Called with a part, how much of it is done, and how much there is."""


class Result(StrEnum):
    """How a part ended for one object."""

    NOTHING = "nothing due"
    DUE = "due"
    DONE = "done"
    FOUND = "found"
    POSTPONED = "postponed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What happened to an object of a part; ``None`` is the part as a whole."""

    part: str
    object: str | None
    result: Result
    told: str = ""


@dataclass(frozen=True)
class Options:
    """What is due, and what to do about it.

    Autovacuum starts to work on a table when its amount of work is 1; ``behind`` is the amount at which it has fallen
    behind. An index is rebuilt if at least ``bloat`` of it is bloat, and it has ``least_index_bytes``. Deletions take
    ``batch_size`` rows in a transaction. ``months_kept`` of the trail are kept; ``None`` keeps all.
    """

    dry_run: bool = False
    repair: bool = False
    months_ahead: int = 12
    months_kept: int | None = None
    idle_for: timedelta = timedelta(days=7)
    batch_size: int = 1000
    behind: float = 2.0
    bloat: float = 0.5
    least_index_bytes: int = 8 * 1024 * 1024
    lock_timeout: float = 10.0
