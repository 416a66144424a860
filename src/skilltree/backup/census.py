"""The number of rows and a checksum of every table, at a position of the write-ahead log.

A restore to this position must give the same census. A census is read while others write, so it belongs to a snapshot,
and it has the position up to which exactly the transactions of the snapshot are committed. Transactions that were
committing at that moment may be on either side. They are ``in_flight``, and a restored server tells whether one of them
was committed before the position; then the two cannot be compared.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

import psycopg
from psycopg import sql
from pydantic import BaseModel, ConfigDict

from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree.backup.positions import number_of
from skilltree.migrate.connection import pin

_TRIES = 50
_SECONDS_BETWEEN_TRIES = 0.02
_MOST_SHOWN = 8


class TableSum(BaseModel):
    """The number of rows of a table, and the sum of their hashes, which does not depend on their order."""

    model_config = ConfigDict(frozen=True)

    rows: int
    checksum: str


class Census(BaseModel):
    """The sums of all tables, and the position of the write-ahead log at which they hold.

    ``flushed`` is a later position: once the log is there up to it, a restore can stop at ``position``.
    """

    model_config = ConfigDict(frozen=True)

    taken_at: datetime
    position: int
    flushed: int
    in_flight: tuple[str, ...]
    tables: dict[str, TableSum]


def take(url: str) -> Census:
    """Take a census of a primary. The role must see all rows."""
    with (
        translated(),
        psycopg.connect(url, client_encoding="utf8") as connection,
        psycopg.connect(url, autocommit=True) as marker,
    ):
        prepare(connection)
        connection.commit()
        position, in_flight = _quiet_moment(connection, marker)
        flushed, taken_at = _flushed(marker)
        return Census(
            taken_at=taken_at,
            position=position,
            flushed=flushed,
            in_flight=in_flight,
            tables=dict(sums(connection)),
        )


def mark(url: str) -> tuple[int, datetime]:
    """Write marks to the log, and return a position that it has reached by now, and the server's time."""
    with translated(), psycopg.connect(url, autocommit=True) as marker:
        return _flushed(marker)


def _flushed(marker: psycopg.Connection) -> tuple[int, datetime]:
    """Write records that follow what was written before, so that recovery notices that it has reached it."""
    _mark(marker, is_transactional=True)
    [[flushed, now]] = marker.execute("select pg_current_wal_flush_lsn()::text, clock_timestamp()").fetchall()
    # Whoever has received something after the position has received all before it.
    _mark(marker, is_transactional=True)
    return number_of(flushed), now


def _quiet_moment(connection: psycopg.Connection, marker: psycopg.Connection) -> tuple[int, tuple[str, ...]]:
    """Begin a snapshot, if possible at a moment at which no transaction is committing, and return its position."""
    for tried in range(1, _TRIES + 1):
        connection.execute("begin isolation level repeatable read")
        snapshot, position = _mark(connection, is_transactional=False)
        [[later]] = marker.execute("select pg_current_xact_id()::text").fetchall()
        in_flight = _unseen(snapshot, int(later))
        if not in_flight or tried == _TRIES:
            break
        connection.rollback()
        time.sleep(_SECONDS_BETWEEN_TRIES)
    return number_of(position), in_flight


def _mark(connection: psycopg.Connection, *, is_transactional: bool) -> tuple[str, str]:
    values = {"is_transactional": is_transactional, "mark": str(uuid4())}
    [[snapshot, position]] = connection.execute(load("backup/mark"), values).fetchall()
    return snapshot, position


def _unseen(snapshot: str, later: int) -> tuple[str, ...]:
    """Return the transactions before a later one that a snapshot does not see."""
    _, first_unseen, running = snapshot.split(":")
    return (*filter(None, running.split(",")), *(str(number) for number in range(int(first_unseen), later)))


def prepare(connection: psycopg.Connection) -> None:
    """Pin the settings on which a row's text depends, and let statements take their time."""
    pin(connection)
    connection.execute("set statement_timeout = 0")


def sums(connection: psycopg.Connection) -> Iterator[tuple[str, TableSum]]:
    """Yield each table's name and sums, as this connection sees them."""
    for schema, table, columns in connection.execute(load("backup/tables")).fetchall():
        statement = sql.SQL(
            'select count(*), coalesce(sum(hashtextextended(row({})::text collate "C", 0)::numeric), 0)::text from {}'
        ).format(sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(schema, table))
        [[rows, checksum]] = connection.execute(statement).fetchall()
        yield f"{schema}.{table}", TableSum(rows=rows, checksum=checksum)


def differences(expected: dict[str, TableSum], found: dict[str, TableSum]) -> list[str]:
    """Return a sentence for each table that differs."""
    told = []
    for name in sorted(expected.keys() | found.keys()):
        before, after = expected.get(name), found.get(name)
        if after is None and before is not None:
            told.append(f"{name} is missing: it had {before.rows} rows")
        elif before is None:
            told.append(f"{name} was not in the source")
        elif after is not None and before.rows != after.rows:
            told.append(f"{name} has {after.rows} rows instead of {before.rows}")
        elif before != after:
            told.append(f"{name} has {before.rows} rows, as the source, but their checksum differs")
    return told


def committed(connection: psycopg.Connection, census: Census) -> list[str]:
    """Return the transactions in flight that a restored server has committed: then nothing can be compared."""
    values = {"transaction_ids": list(census.in_flight)}
    return [each for (each,) in connection.execute(load("backup/committed"), values)]
