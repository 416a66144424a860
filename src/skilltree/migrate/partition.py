"""Partitioning by learner: turns per-user tables into hash partitions by ``user_id`` while the application works.

For each table: a partitioned copy in a schema of its own, a trigger that writes every change to both, batches of rows
in transactions of their own, a comparison of all rows, and a short exclusive lock in which the copy takes the table's
place. A run that ends at any point is continued by the next.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree._core.urls import checked_url
from skilltree.errors import InvalidValue, SkillTreeError
from skilltree.migrate.connection import pin, require_sight
from skilltree.migrate.distributed import is_distributed
from skilltree.migrate.partition_transactions import OLD, WORK, Connection, discard, made
from skilltree.migrate.partition_work import Converted, CopyDiffers, Table, Tell, Work

__all__ = [
    "TABLES",
    "CannotPartition",
    "Converted",
    "CopyDiffers",
    "PartitioningRunning",
    "Table",
    "abandon",
    "examine",
    "partition",
    "partitioned",
    "undo",
]

TABLES = (
    "user_skill_progress",
    "xp_events",
    "user_activity_days",
    "user_sessions",
    "user_achievements",
    "user_skill_tree_progress",
)
"""The tables with several rows for each learner. The others have one, or are read across learners."""


_MOST_PARTS = 1024


class CannotPartition(SkillTreeError):
    """A table cannot be partitioned by learner as it is."""


class PartitioningRunning(SkillTreeError):
    """Another run partitions this database at this moment."""


def examine(url: str, tables: Sequence[str] = TABLES) -> list[Table]:
    """Return the state of these tables. Writes nothing. Raises InvalidValue for one that is not among TABLES."""
    with _session(url) as connection:
        return _examined(connection, tables)


def partitioned(url: str) -> list[str]:
    """Return the tables that are partitioned already."""
    with translated(), psycopg.connect(url, row_factory=dict_row) as connection:
        rows = connection.execute(load("partition/tables"), {"names": list(TABLES)}).fetchall()
    return [row["table_name"] for row in rows if row["is_partitioned"]]


def partition(
    url: str,
    tables: Sequence[str] = TABLES,
    *,
    parts: int = 16,
    lock_timeout: float = 0.5,
    attempts: int = 60,
    tell: Tell = lambda table, step, done, total: None,
) -> list[Converted]:
    """Partition these tables, or continue an interrupted run. Tables that are partitioned already are left alone.

    ``lock_timeout`` is in seconds: so long a client can wait behind an attempt to lock a table. Raises CannotPartition
    before anything is written, PartitioningRunning, CopyDiffers, and LockTimeout after the last attempt.
    """
    if not 1 <= parts <= _MOST_PARTS:
        raise InvalidValue(f"parts must be from 1 to {_MOST_PARTS}, not {parts}", field="parts")
    with _turn(url, lock_timeout) as connection:
        return _converted(connection, tables, parts, attempts, tell)


def undo(
    url: str,
    tables: Sequence[str] = TABLES,
    *,
    lock_timeout: float = 0.5,
    attempts: int = 60,
    tell: Tell = lambda table, step, done, total: None,
) -> list[Converted]:
    """Turn partitioned tables into plain ones again, as ``partition`` works."""
    with _turn(url, lock_timeout) as connection:
        return _converted(connection, tables, 0, attempts, tell)


def abandon(url: str, *, lock_timeout: float = 0.5, attempts: int = 60) -> None:
    """Remove what an interrupted run has left behind. Tables that have been converted stay so."""
    with _turn(url, lock_timeout) as connection:
        discard(connection, OLD, attempts)
        discard(connection, WORK, attempts)


def _converted(connection: Connection, tables: Sequence[str], parts: int, attempts: int, tell: Tell) -> list[Converted]:
    chosen = [each for each in _examined(connection, tables, undoing=not parts) if each.is_partitioned != bool(parts)]
    if obstacles := [f"{each.name}: {why}" for each in chosen for why in each.obstacles]:
        raise CannotPartition(f"nothing was done: {'; '.join(obstacles)}")
    discard(connection, OLD, attempts)
    converted = [Work(connection, each, parts, attempts, tell).run() for each in chosen]
    discard(connection, WORK, attempts)
    return converted


@contextmanager
def _session(url: str) -> Iterator[Connection]:
    checked_url(url)
    with (
        translated(),
        psycopg.connect(
            url, autocommit=True, row_factory=dict_row, client_encoding="utf8", application_name="skilltree partition"
        ) as connection,
    ):
        with psycopg.connect(url) as looking:
            pin(looking)
            require_sight(looking)
            if is_distributed(looking):
                raise CannotPartition("the database is distributed: its shards are partitions already")
        # Definitions of objects are then fully qualified.
        pin(connection, "")  # type: ignore[arg-type]  # its rows are dictionaries
        connection.execute("set statement_timeout = 0")
        yield connection


@contextmanager
def _turn(url: str, lock_timeout: float) -> Iterator[Connection]:
    with _session(url) as connection:
        row = connection.execute(
            "select pg_try_advisory_lock(hashtext('skilltree'), hashtext('partition')) as is_taken"
        ).fetchone()
        if row is None or not row["is_taken"]:
            raise PartitioningRunning("another run partitions this database. Nothing was done here")
        connection.execute(made("set lock_timeout = {}", sql.Literal(f"{round(lock_timeout * 1000)}ms")))
        yield connection


def _examined(connection: Connection, tables: Sequence[str], *, undoing: bool = False) -> list[Table]:
    if unknown := [name for name in tables if name not in TABLES]:
        raise InvalidValue(f"{unknown[0]} is not partitioned by learner; {', '.join(TABLES)} can be")
    rows = connection.execute(load("partition/tables"), {"names": list(tables)}).fetchall()
    if missing := set(tables) - {row["table_name"] for row in rows}:
        raise CannotPartition(f"there is no table {', '.join(sorted(missing))}: run `skilltree migrate`")
    return [
        Table(
            row["table_name"],
            row["is_partitioned"],
            row["live_rows"],
            row["bytes"],
            tuple(row["obstacles"]) if row["is_partitioned"] == undoing else (),
            tuple(row["column_names"]),
            tuple(row["key_names"]),
        )
        for row in rows
    ]
