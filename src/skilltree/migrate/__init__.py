"""Migrations: each is applied exactly once, entirely or not at all. A file that was edited afterwards is refused.

There are two histories: SkillTree's, and that of the application. yoyo reads a folder, sorts the migrations and keeps
the tables of applied migrations. ``files`` has the rules for a file, ``runs`` runs it, and ``refusals`` says why not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Literal

import psycopg

try:
    import yoyo as _yoyo  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("migrations need yoyo-migrations: pip install 'skilltree[cli]'", name="yoyo") from error
from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree._core.urls import checked_url
from skilltree.errors import InvalidValue
from skilltree.migrate.connection import pin, require_sight
from skilltree.migrate.distributed import fit_functions, is_distributed
from skilltree.migrate.files import (
    History,
    HistoryName,
    InvalidMigration,
    Mark,
    MigrationId,
    Statement,
    folder,
    read_both,
    statements,
)
from skilltree.migrate.refusals import (
    ApplicationMigrationsApplied,
    MigratedBeforeRelease,
    MigrationDeleted,
    MigrationEdited,
    MigrationFailed,
    MigrationLocked,
    is_ahead,
    is_newer,
    refuse_unreleased,
)
from skilltree.migrate.runs import Backend, connected, read_applied, turn

__all__ = [
    "ApplicationMigrationsApplied",
    "HistoryName",
    "InvalidMigration",
    "MigratedBeforeRelease",
    "MigrationDeleted",
    "MigrationEdited",
    "MigrationFailed",
    "MigrationId",
    "MigrationLocked",
    "MigrationStatus",
    "Statement",
    "fingerprint",
    "folder",
    "health",
    "migrate",
    "rollback",
    "statements",
    "status",
]


@dataclass(frozen=True)
class MigrationStatus:
    """A migration, the time when it was applied, if any, and what is wrong with its files.

    ``edited`` and ``deleted``: since it was applied. ``newer``: a newer version of SkillTree, or of the application,
    has applied it. If that one promises that this version still works (``-- @compatible``), ``is_ahead`` is true, and
    there is no problem.
    """

    id: MigrationId
    applied_at: datetime | None
    problem: Literal["edited", "deleted", "newer"] | None
    is_ahead: bool = False

    @property
    def history(self) -> HistoryName:
        return self.id.history


def migrate(
    url: str,
    *,
    application: Path | None = None,
    folder: Path | None = None,
    lock_timeout: float = 5.0,
    statement_timeout: float = 600.0,
    wait: float = 600.0,
    applied: Callable[[MigrationId], None] | None = None,
) -> list[MigrationId]:
    """Apply SkillTree's pending migrations, then those of the folder ``application``. Return their ids in order.

    ``applied`` is called with each id after it. A statement waits at most ``lock_timeout`` seconds for a lock and runs
    at most ``statement_timeout`` seconds (0: no limit). If another process migrates, this one waits at most ``wait``
    seconds. The URL must not lead through a transaction pooler, which would lose the lock.

    A distributed database (Citus) also gets the functions of this version, also if a migration has changed them.

    If a newer version has migrated the database, this one does nothing, provided that each newer migration is marked
    ``-- @compatible``. Otherwise it raises MigrationDeleted.
    """
    histories = read_both(folder, application)
    with turn(url, histories, wait, may_be_ahead=True) as backends:
        done: list[MigrationId] = []
        for backend in backends:
            pending = [each for each in backend.history.migrations.values() if each.id not in backend.done]
            done += backend.run("apply", pending, lock_timeout, statement_timeout, applied)
        with translated(), psycopg.connect(url, autocommit=True) as connection:
            if is_distributed(connection):
                pin(connection)
                fit_functions(connection)
        return done


def rollback(
    url: str,
    *,
    count: int | None = 1,
    application: Path | None = None,
    only_application: bool = False,
    folder: Path | None = None,
    lock_timeout: float = 5.0,
    statement_timeout: float = 600.0,
    wait: float = 600.0,
    applied: Callable[[MigrationId], None] | None = None,
) -> list[MigrationId]:
    """Roll back the latest ``count`` migrations (``None``: all), and return their ids, newest first.

    With the folder ``application``, these are the latest of both histories, or with ``only_application`` those of the
    application. Raises ApplicationMigrationsApplied if migrations of the application were applied after one of
    SkillTree's that would be rolled back. The other options are those of ``migrate``; ``applied`` is called with each
    id after it is rolled back.
    """
    if count is not None and count < 0:
        raise InvalidValue(f"count must be 0 or more, not {count}", field="count")
    if only_application and application is None:
        raise InvalidValue("only_application needs the folder of the application's migrations", field="application")
    histories = read_both(folder, application)
    with turn(url, histories, wait) as backends:
        newest = _newest([each for each in backends if each.history.name == "application" or not only_application])
        chosen = newest[:count]
        if application is None:
            _refuse_below(chosen, read_applied(backends[0].connection, "application"))
        undone: list[MigrationId] = []
        # Neighbours of one history are run together.
        for backend, group in groupby(chosen, key=lambda each: each[0]):
            migrations = [backend.history.migrations[name] for _, name in group]
            undone += backend.run("rollback", migrations, lock_timeout, statement_timeout, applied)
        return undone


def _newest(backends: list[Backend]) -> list[tuple[Backend, str]]:
    """Return what is applied, newest first. Of two migrations of the same time, the application's is the newer."""
    applied = [
        (mark.at, place, backend, name) for place, backend in enumerate(backends) for name, mark in backend.done.items()
    ]
    applied.sort(key=lambda each: (each[0], each[1], each[3]), reverse=True)
    return [(backend, name) for _, _, backend, name in applied]


def _refuse_below(chosen: list[tuple[Backend, str]], above: dict[str, Mark]) -> None:
    """Raise ApplicationMigrationsApplied if the application's migrations were applied after one of these."""
    if not chosen:
        return
    oldest = min(backend.done[name].at for backend, name in chosen)
    if later := [name for name, mark in reversed(above.items()) if mark.at >= oldest]:
        raise ApplicationMigrationsApplied([MigrationId(name, "application") for name in later])


def status(url: str, *, application: Path | None = None, folder: Path | None = None) -> list[MigrationStatus]:
    """Return all migrations of SkillTree in order, then those of the folder ``application``. Writes nothing.

    At the end of each of the two are the applied migrations that are not in its folder.
    """
    histories = read_both(folder, application)
    with connected(url) as connection:
        require_sight(connection)
        done = [read_applied(connection, history.name) for history in histories]
    return [state for history, marks in zip(histories, done, strict=True) for state in _states(history, marks)]


def _states(history: History, done: dict[str, Mark]) -> list[MigrationStatus]:
    refuse_unreleased(history, done)
    known = history.migrations
    return [
        *(
            MigrationStatus(each.id, None, None)
            if name not in done
            else MigrationStatus(each.id, done[name].at, "edited" if each.edited_since(done[name]) else None)
            for name, each in known.items()
        ),
        *(
            _state_without_file(MigrationId(name, history.name), mark, known)
            for name, mark in done.items()
            if name not in known
        ),
    ]


def _state_without_file(name: MigrationId, mark: Mark, known: Iterable[str]) -> MigrationStatus:
    if is_ahead(name, mark, known):
        return MigrationStatus(name, mark.at, None, is_ahead=True)
    return MigrationStatus(name, mark.at, "newer" if is_newer(name, known) else "deleted")


def health(url: str) -> list[tuple[str, str]]:
    """Return what a migrated database lacks: roles, grants, policies, triggers. Writes nothing."""
    checked_url(url)
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        pin(connection)
        return connection.execute(load("catalog/health")).fetchall()


def fingerprint(url: str) -> dict[str, str]:
    """Return the definition of every object, except those of PostgreSQL, of extensions and of the histories.

    Databases with the same schema give the same result, whatever their data and history.
    """
    checked_url(url)
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        # With an empty search path, every name in a definition is qualified.
        pin(connection, search_path="")
        return dict(sorted(connection.execute(load("catalog/fingerprint")).fetchall()))
