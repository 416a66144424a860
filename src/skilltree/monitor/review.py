"""The quarterly review of indexes: which are unused, redundant, invalid or bloated, and where one may be missing."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree.explain.plan import LARGE_TABLE

BLOATED = 0.5
_FEW_SCANS = 10

Row = dict[str, Any]


@dataclass(frozen=True)
class Advice:
    """A remark about an index or a table, and what to do about it."""

    kind: str
    object: str
    told: str
    advice: str


@dataclass(frozen=True)
class Review:
    """The remarks, and since when the server has counted the uses of indexes (``None``: since it was created)."""

    since: datetime | None
    advice: Sequence[Advice]


def review(connection: psycopg.Connection[Row], *, least_bytes: int = 8 * 1024 * 1024) -> Review:
    """Return the review of the database's indexes. Writes nothing."""
    with translated():
        indexes = connection.execute(load("monitor/indexes"), {"least_bytes": least_bytes}).fetchall()
        tables = connection.execute(load("monitor/tables")).fetchall()
        redundant = connection.execute(load("lint/index_twice")).fetchall()
        server = connection.execute(load("monitor/server")).fetchone() or {}
    since = server["counted_since"]
    return Review(
        since,
        [
            *_invalid(indexes),
            *(Advice("redundant", row["object_name"], row["problem"], row["remedy"]) for row in redundant),
            *_unused(indexes, since),
            *_bloated(indexes),
            *_missing(tables),
        ],
    )


def _invalid(indexes: Sequence[Row]) -> Iterator[Advice]:
    for row in indexes:
        if not row["is_valid"] and not row["is_partitioned"]:
            told = f"of {row['table_name']} is invalid: no query uses it, and every write pays for it"
            yield Advice("invalid", row["index_name"], told, "skilltree maintain leftovers reindex")


def _unused(indexes: Sequence[Row], since: datetime | None) -> Iterator[Advice]:
    # A partition's index is used under the name of the trail's.
    scans: dict[str, int] = defaultdict(int)
    sizes: dict[str, int] = defaultdict(int)
    for row in indexes:
        scans[row["root_name"]] += row["scans"]
        sizes[row["root_name"]] += row["bytes"]
    for row in indexes:
        name = row["index_name"]
        is_needed = row["is_unique"] or row["is_constraint"] or row["serves_foreign_key"]
        if name == row["root_name"] and row["is_valid"] and not is_needed and not scans[name]:
            when = f"since {since:%Y-%m-%d}" if since else "since this database was created"
            yield Advice(
                "unused",
                name,
                f"of {row['table_name']} was never used {when}; {_megabytes(sizes[name])}",
                "if that is a whole quarter, and no replica uses it: a migration with"
                f" `drop index concurrently {name}`; then `make budgets`",
            )


def _bloated(indexes: Sequence[Row]) -> Iterator[Advice]:
    for row in indexes:
        if row["bloat"] is not None and row["bloat"] >= BLOATED:
            told = f"of {row['table_name']}: about {row['bloat']:.0%} of {_megabytes(row['bytes'])} is bloat"
            yield Advice("bloated", row["index_name"], told, "skilltree maintain reindex")


def _missing(tables: Sequence[Row]) -> Iterator[Advice]:
    for row in tables:
        rows_per_scan = row["seq_rows"] / max(row["seq_scans"], 1)
        if row["seq_scans"] > _FEW_SCANS and rows_per_scan >= LARGE_TABLE:
            yield Advice(
                "missing",
                row["table_name"],
                f"was read from end to end {row['seq_scans']:,} times, {rows_per_scan:,.0f} rows each time",
                "find the query file by `skilltree slow --by buffers`, and see its plan. The doctor's checks and"
                " backups read whole tables, too",
            )


def _megabytes(count: int) -> str:
    return f"{count / 1024 / 1024:,.1f} MB"
