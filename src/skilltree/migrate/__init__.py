"""Migrations: each is applied exactly once, entirely or not at all. A file that was edited afterwards is refused.

yoyo reads the folder, sorts the migrations and keeps the tables of applied migrations. ``files`` has the rules for a
file, and ``runs`` runs it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import psycopg

try:
    from yoyo.migrations import default_migration_table
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("migrations need yoyo-migrations: pip install 'skilltree[cli]'", name="yoyo") from error
from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree._core.urls import checked_url
from skilltree.errors import InvalidValue
from skilltree.migrate.connection import pin, require_sight
from skilltree.migrate.files import InvalidMigration, Statement, folder, read, statements
from skilltree.migrate.runs import (
    Backend,
    MigratedBeforeRelease,
    MigrationDeleted,
    MigrationEdited,
    MigrationFailed,
    MigrationLocked,
    refuse_unreleased,
    turn,
)

__all__ = [
    "InvalidMigration",
    "MigratedBeforeRelease",
    "MigrationDeleted",
    "MigrationEdited",
    "MigrationFailed",
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
    """A migration, the time when it was applied, if any, and what happened to its files since."""

    id: str
    applied_at: datetime | None
    problem: Literal["edited", "deleted"] | None


def migrate(
    url: str,
    *,
    folder: Path | None = None,
    lock_timeout: float = 5.0,
    statement_timeout: float = 600.0,
    wait: float = 600.0,
    applied: Callable[[str], None] | None = None,
) -> list[str]:
    """Apply the pending migrations, and return their ids in order. ``applied`` is called with each id after it.

    A statement waits at most ``lock_timeout`` seconds for a lock and runs at most ``statement_timeout`` seconds (0: no
    limit). If another process migrates, this one waits at most ``wait`` seconds. The URL must not lead through a
    transaction pooler, which would lose the lock.
    """
    migrations = read(folder)
    with turn(url, migrations, wait) as (backend, done):
        pending = [migration for migration in migrations.values() if migration.id not in done]
        return backend.run("apply", pending, lock_timeout, statement_timeout, applied)


def rollback(
    url: str,
    *,
    count: int | None = 1,
    folder: Path | None = None,
    lock_timeout: float = 5.0,
    statement_timeout: float = 600.0,
    wait: float = 600.0,
    applied: Callable[[str], None] | None = None,
) -> list[str]:
    """Roll back the latest ``count`` migrations (``None``: all), and return their ids, newest first.

    The options are those of ``migrate``; ``applied`` is called with each id after it is rolled back.
    """
    if count is not None and count < 0:
        raise InvalidValue(f"count must be 0 or more, not {count}", field="count")
    migrations = read(folder)
    with turn(url, migrations, wait) as (backend, done):
        newest = [migrations[name] for name in reversed(done)][:count]
        return backend.run("rollback", newest, lock_timeout, statement_timeout, applied)


def status(url: str, *, folder: Path | None = None) -> list[MigrationStatus]:
    """Return all migrations of the folder in order, then the applied ones that are not in it. Writes nothing."""
    migrations = read(folder)
    checked_url(url)
    with translated(), Backend(url, default_migration_table) as backend:
        require_sight(backend.connection)
        done = backend.read_applied()
    refuse_unreleased(migrations, done)
    return [
        *(
            MigrationStatus(name, None, None)
            if name not in done
            else MigrationStatus(name, done[name].at, "edited" if migration.edited_since(done[name]) else None)
            for name, migration in migrations.items()
        ),
        *(MigrationStatus(name, mark.at, "deleted") for name, mark in done.items() if name not in migrations),
    ]


def health(url: str) -> list[tuple[str, str]]:
    """Return what a migrated database lacks: roles, grants, policies, triggers. Writes nothing."""
    checked_url(url)
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        pin(connection)
        return connection.execute(load("catalog/health")).fetchall()


def fingerprint(url: str) -> dict[str, str]:
    """Return the definition of every object, except those of PostgreSQL, of extensions and of yoyo.

    Databases with the same schema give the same result, whatever their data and history.
    """
    checked_url(url)
    with translated(), psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        # With an empty search path, every name in a definition is qualified.
        pin(connection, search_path="")
        return dict(sorted(connection.execute(load("catalog/fingerprint")).fetchall()))
