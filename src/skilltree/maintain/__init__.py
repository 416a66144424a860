"""Maintenance: each part does what is due, in transactions of its own, and a second run continues an interrupted one.

The service can do the parts about rows. Those about tables and indexes need their owner, and are skipped by name for
any other role.
"""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg

from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree._core.urls import checked_url
from skilltree._sync.database import Database, Scope
from skilltree.errors import InvalidValue, SkillTreeError, UnfitDatabase
from skilltree.maintain import rows, tables
from skilltree.maintain.outcomes import Options, Outcome, Result, Tell

__all__ = ["PARTS", "MaintenanceRunning", "Options", "Outcome", "Result", "maintain"]

PARTS = (*rows.PARTS, *tables.PARTS, "doctor")
"""The parts, in the order in which they run."""


class MaintenanceRunning(SkillTreeError):
    """Another run maintains this database at this moment."""


class _Holder(NamedTuple):
    pid: int
    role: str
    application: str
    since: object

    def __str__(self) -> str:
        since = f", since {self.since}" if self.since else ""
        return f"{self.application or 'a session'} as {self.role} (server process {self.pid}{since})"


def maintain(
    url: str,
    *,
    parts: Iterable[str] = PARTS,
    options: Options | None = None,
    tell: Tell = lambda part, done, total: None,
) -> list[Outcome]:
    """Do what is due, and return what was done. ``tell`` is called with a part, and how much of it is done.

    A part that fails does not stop the others. Raises MaintenanceRunning if another run is not finished,
    CannotSeeEverything if the role does not see every row, UnfitDatabase on a standby, and InvalidValue for an unknown
    part.
    """
    wanted = list(parts)
    if unknown := set(wanted).difference(PARTS):
        raise InvalidValue(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    chosen = options or Options()
    checked_url(url)
    with translated(), _turn(url), Database(url, min_size=1, max_size=1) as db:
        with db._pool.connection() as connection:
            is_learner = connection.is_learner
        work = db.as_service() if is_learner else db
        work.doctor.require_sight()
        outcomes = rows.run(work, [part for part in wanted if part in rows.PARTS], chosen, tell)
        outcomes += tables.run(url, [part for part in wanted if part in tables.PARTS], chosen, tell)
        if "doctor" in wanted:
            outcomes.append(_examine(work, chosen, tell))
    return outcomes


@contextmanager
def _turn(url: str) -> Iterator[None]:
    """Hold the turn for a block: a lock that ends with this process, however it ends."""
    name = f"skilltree maintain ({socket.gethostname()[:30]}, process {os.getpid()})"
    with psycopg.connect(url, application_name=name, client_encoding="utf8", prepare_threshold=None) as connection:
        connection.execute(load("maintain/no_timeouts"))
        [(is_taken, is_standby)] = connection.execute(load("maintain/take_turn")).fetchall()
        if is_standby:
            raise UnfitDatabase("the server is a standby, which accepts no writes: maintain the primary")
        if not is_taken:
            holders = [_Holder(*row) for row in connection.execute(load("maintain/holder"))]
            told = str(holders[0]) if holders else "a session that has just ended"
            raise MaintenanceRunning(f"another run maintains this database: {told}. Nothing was done here")
        yield


def _examine(work: Database | Scope, options: Options, tell: Tell) -> Outcome:
    """Compute all derived data again. A repair is done only on request, because a finding is a fault to look into."""
    tell("doctor", 0, 0)
    try:
        if options.repair and not options.dry_run:
            repair = work.doctor.repair()
            told = f"{len(repair.changes)} repaired, {len(repair.failures)} failed, {len(repair.remaining)} remain"
            if repair.remaining or repair.failures:
                return Outcome("doctor", None, Result.FOUND, f"{told}; see `skilltree doctor`")
            return Outcome("doctor", None, Result.DONE if repair.changes else Result.NOTHING, told)
        findings = work.doctor.examine()
    except SkillTreeError as error:
        return Outcome("doctor", None, Result.FAILED, f"{type(error).__name__}: {error}")
    if not findings:
        return Outcome("doctor", None, Result.NOTHING, "all invariants hold")
    kinds = ", ".join(sorted({finding.invariant for finding in findings}))
    return Outcome("doctor", None, Result.FOUND, f"{len(findings)} findings ({kinds}); see `skilltree doctor`")
