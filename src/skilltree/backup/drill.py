"""The drill: restores the newest backup on a throw-away server, and compares it with its source.

What is compared, and when equality is due: a census has the rows and checksum of every table at a position of the
write-ahead log (``census``). The restored server first stops at the position of the newest census there is: one of the
source, taken now, if the log was received up to it; else the one that was taken with the backup. There, both must be
equal. Then recovery goes on to the requested moment, where no census exists, and the database must be sound: migrated,
without drift, with all invariants.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from skilltree import migrate
from skilltree._core.queries import load
from skilltree._sync.database import Database
from skilltree.backup import census, erasures, restore, source, take, wal
from skilltree.backup.application import NONE, Application
from skilltree.backup.census import Census
from skilltree.backup.folder import Folder, Record
from skilltree.backup.positions import shown
from skilltree.backup.server import restoring_from, running
from skilltree.errors import SkillTreeError
from skilltree.migrate.drift import drift

_MOST_SHOWN = 5


@dataclass(frozen=True)
class Shortfall:
    """What is short, and which check found it."""

    check: str
    told: str


@dataclass
class Outcome:
    """What a drill found. ``shortfalls`` is empty if everything can be restored."""

    backup: str | None = None
    to: datetime | None = None
    compared_with: Literal["source", "backup"] | None = None
    compared_at: datetime | None = None
    tables: int = 0
    rows: int = 0
    erased_again: int = 0
    rpo_seconds: float | None = None
    """How much is lost if the source is lost now: how long it took until the log had what was just written. ``None``
    without the source."""
    rto_seconds: float | None = None
    """How long a restore takes until the database can be used."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each step took."""
    shortfalls: list[Shortfall] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step. An error in it is a shortfall, and the drill goes on."""
        started = time.monotonic()
        try:
            yield
        except SkillTreeError as error:
            self.shortfalls.append(Shortfall(name, str(error)))
        finally:
            self.seconds[name] = round(time.monotonic() - started, 2)


def drill(
    folder: Folder,
    *,
    url: str | None,
    to: datetime | None = None,
    application: Application = NONE,
    wait: float = 30,
) -> Outcome:
    """Restore the newest backup, to the end of the log or to a moment, and return what was found.

    ``url`` is that of the source; ``None`` compares only with what is in the folder. ``wait`` is how many seconds the
    log may take to arrive.
    """
    outcome = Outcome(to=to)
    now: Census | None = None
    if url is not None:
        with outcome.step("source"):
            now = _ask(outcome, folder, url, to=to, wait=wait)
    with tempfile.TemporaryDirectory(prefix="skilltree-", ignore_cleanup_errors=True) as name:
        # The server's user must reach the data, and nobody else can: its own folder is closed.
        Path(name).chmod(0o711)
        _restored(outcome, folder, Path(name) / "data", now, to=to, application=application)
    return outcome


def _ask(outcome: Outcome, folder: Folder, url: str, *, to: datetime | None, wait: float) -> Census | None:
    """Measure how long the log takes to arrive, copy the erasures, and return a census of the source if it arrived."""
    facts = source.look(url)
    facts.require_sight()
    folder.belong_to(facts.facts)
    erasures.collect(url, folder)
    size = facts.facts.segment_size
    position, _ = census.mark(url)
    started = time.monotonic()
    if not wal.wait_for(folder.wal, size, position, seconds=wait):
        end = wal.end_of(folder.wal, size)
        reached = "nothing" if end is None else shown(end.position)
        outcome.shortfalls.append(
            Shortfall(
                "log",
                f"the log up to {shown(position)} did not arrive in {wait:g} s; received: {reached}. Does `skilltree"
                " backup wal` run?",
            )
        )
        return None
    outcome.rpo_seconds = round(time.monotonic() - started, 2)
    if to is not None:
        return None
    now = census.take(url)
    return now if wal.wait_for(folder.wal, size, now.flushed, seconds=wait) else None


def _restored(
    outcome: Outcome, folder: Folder, data: Path, now: Census | None, *, to: datetime | None, application: Application
) -> None:
    """Restore, compare and examine. A step that fails ends it."""
    started = time.monotonic()
    found: list[Record] = []
    with outcome.step("choose"):
        found.append(restore.choose(folder, to=to))
    if outcome.backup is None and not found:
        return
    record = found[0]
    outcome.backup = record.name
    short = len(outcome.shortfalls)
    with outcome.step("verify"):
        take.verify(folder, record)
    if len(outcome.shortfalls) > short:
        return
    with outcome.step("copy"):
        restore.copy(folder, record, data, sync=False)
    with restore.readable(folder, record) as log:
        with outcome.step("compare"):
            _compare(outcome, record, data, log, now)
        with outcome.step("recover"), restore.recovered(folder, record, data, log, to=to, sync=False) as url:
            outcome.erased_again = erasures.repeat(url, folder, application)
            outcome.rto_seconds = round(time.monotonic() - started - outcome.seconds["compare"], 2)
            _examine(outcome, url, application.migrations)


def _compare(outcome: Outcome, record: Record, data: Path, log: Path, now: Census | None) -> None:
    """Compare the tables at the position of the newest census."""
    expected = now or record.census
    outcome.compared_with = "source" if now else "backup"
    outcome.compared_at = expected.taken_at
    outcome.tables, outcome.rows = len(expected.tables), sum(each.rows for each in expected.tables.values())
    settings = restoring_from(log) | {
        "recovery_target_lsn": shown(expected.position),
        "recovery_target_inclusive": "off",
        "recovery_target_action": "pause",
    }
    with (
        running(data, record.server, settings, is_paused=True, sync=False) as url,
        psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection,
    ):
        census.prepare(connection)
        told = census.differences(expected.tables, dict(census.sums(connection)))
        between = census.committed(connection, expected) if told else []
    if between:
        told = [
            f"transactions {', '.join(between)} were committing while the tables were counted, so that nothing can be"
            " compared: run the drill again, at a quieter moment"
        ]
    outcome.shortfalls += [Shortfall("compare", each) for each in told]


def _examine(outcome: Outcome, url: str, own_migrations: Path | None) -> None:
    """Check that the restored database is migrated, without drift, and that all invariants hold."""
    with outcome.step("status"):
        states = migrate.status(url, application=own_migrations)
        wrong = [f"{each.id} is {each.problem or 'pending'}" for each in states if each.problem or not each.applied_at]
        wrong += [f"{name} {told}" for name, told in migrate.health(url)]
        outcome.shortfalls += [Shortfall("status", each) for each in wrong]
    with outcome.step("drift"):
        # The server is thrown away, so the database to compare with may be made there, too.
        migrator = _migrator(url)
        found = drift(migrator, application=own_migrations, server=migrator)
        outcome.shortfalls += [Shortfall("drift", f"{each.object} differs") for each in found.differences]
    with outcome.step("doctor"), Database(url, max_size=1) as db:
        findings = db.doctor.examine()
        outcome.shortfalls += [
            Shortfall("doctor", f"{each.invariant}: {each.what}, expected {each.expected}, found {each.found}")
            for each in findings[:_MOST_SHOWN]
        ]
        if len(findings) > _MOST_SHOWN:
            outcome.shortfalls.append(Shortfall("doctor", f"and {len(findings) - _MOST_SHOWN} more findings"))


def _migrator(url: str) -> str:
    """Return the URL for the role that migrates: policies and default privileges are its own.

    It becomes a superuser, because elsewhere it need not be one, and here it creates databases.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        for (role,) in connection.execute(load("backup/owner")).fetchall():
            connection.execute(sql.SQL("alter role {} superuser login").format(sql.Identifier(role)))
            return make_conninfo(url, user=role)
    return url
