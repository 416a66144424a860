"""Transactions of partitioning: they give way to clients, wait for older ones, and drop what is no longer used."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql

from skilltree._core.queries import load

Connection = psycopg.Connection[dict[str, Any]]
_T = TypeVar("_T")
WORK, OLD = "skilltree_partition", "skilltree_unpartitioned"
"""The schemas of copies that do not have their place yet, and of the tables that they have replaced."""
_SECONDS_BETWEEN_LOOKS = 0.1


def made(text: LiteralString, *parts: sql.Composable, **named: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(*parts, **named)


def retried(
    connection: Connection, attempts: int, work: Callable[[], _T], *, vacuumed: str | None = None
) -> tuple[_T, int]:
    """Run a transaction again while it cannot get its locks, and return what it returns and how often it ran.

    ``vacuumed`` is a table that it will lock: first it waits until no vacuum works there, which no client waits behind.
    Autovacuum gives way after a second of waiting, and so never to the short attempts that clients do wait behind.
    """
    for attempt in range(1, attempts + 1):
        try:
            with connection.transaction():
                if vacuumed:
                    timeout = connection.execute("show lock_timeout").fetchone()
                    connection.execute("set local lock_timeout = 0")
                    connection.execute(f"lock table {vacuumed} in share update exclusive mode".encode())
                    connection.execute("select set_config('lock_timeout', %(lock_timeout)s, true)", timeout)
                return work(), attempt
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            if attempt == attempts:
                raise
            time.sleep(min(0.1 * attempt, 2))
    raise AssertionError("unreachable")


def discard(connection: Connection, schema: str, attempts: int) -> None:
    """Drop one of the two schemas with all that is in it.

    First the triggers that mirror, then each foreign key, which locks the table that it references. Each is a
    transaction of its own: a client could wait for the second lock of two and hold it up.
    """
    leftovers = connection.execute(load("partition/leftovers"), {"schema": schema}).fetchall()
    for row in leftovers:
        work = partial(connection.execute, row["statement"].encode())
        retried(connection, attempts, work, vacuumed=row["locked_table"])
    drop = made("drop schema if exists {} cascade", sql.Identifier(schema))
    retried(connection, attempts, partial(connection.execute, drop))


def await_older_transactions(connection: Connection, tell: Callable[[int, int], None]) -> None:
    """Wait until all transactions end that run now, as ``create index concurrently`` does.

    One at ``repeatable read`` whose snapshot is older than a copied row would not find that row after the swap.
    """
    waiting = older = _running(connection)
    while waiting:
        tell(len(older) - len(waiting), len(older))
        time.sleep(_SECONDS_BETWEEN_LOOKS)
        waiting = older & _running(connection)


def _running(connection: Connection) -> set[str]:
    return {row["transaction"] for row in connection.execute(load("partition/running_transactions")).fetchall()}
