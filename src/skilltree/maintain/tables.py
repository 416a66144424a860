"""The parts about tables and indexes, which need their owner (from PostgreSQL 17 on, the right to maintain is enough).

None of them runs in a transaction block. Each is safe to interrupt: PostgreSQL undoes a VACUUM or an ANALYZE, and a
REINDEX CONCURRENTLY leaves an invalid index behind, which the next run drops.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from skilltree._core.driver_errors import translated
from skilltree._core.queries import load
from skilltree.errors import LockTimeout, SkillTreeError
from skilltree.maintain.outcomes import Options, Outcome, Result, Tell

PARTS = ("leftovers", "vacuum", "analyze", "reindex")

Connection = psycopg.Connection[dict[str, Any]]
Row = dict[str, Any]

_LEFTOVER = re.compile(r"_cc(new|old)\d*")
_NOT_OWNER = "only the owner may do this: run `skilltree maintain` as the role that migrates"
_BUSY = "another session works on it; the next run tries again"
_LATE_FREEZE = 1.05
"""Autovacuum must freeze a table at 1. A table above this has been waiting for longer than it should."""
_ANALYZED_WITHIN = timedelta(days=7)
"""Autovacuum never analyzes a partitioned table."""
_ANALYZE_ONLY = 180000


class _Job(NamedTuple):
    """A statement that is due for a table or an index, and why."""

    name: str
    why: str
    statement: sql.Composed
    is_allowed: bool
    is_busy: bool = False


def run(url: str, parts: Sequence[str], options: Options, tell: Tell) -> list[Outcome]:
    """Do these parts, and return what was done."""
    outcomes: list[Outcome] = []
    if not parts:
        return outcomes
    with psycopg.connect(
        url, autocommit=True, row_factory=dict_row, client_encoding="utf8", application_name="skilltree maintain"
    ) as connection:
        connection.execute(load("maintain/settings"), {"lock_timeout": round(options.lock_timeout * 1000)})
        for part in parts:
            jobs = list(_DUE[part](connection, options))
            if not jobs:
                outcomes.append(Outcome(part, None, Result.NOTHING))
            for number, job in enumerate(jobs):
                tell(part, number, len(jobs))
                outcomes.append(_outcome(connection, part, job, options))
            tell(part, len(jobs), len(jobs))
    return outcomes


def _outcome(connection: Connection, part: str, job: _Job, options: Options) -> Outcome:
    if not job.is_allowed:
        return Outcome(part, job.name, Result.SKIPPED, f"{job.why}; {_NOT_OWNER}")
    if options.dry_run:
        return Outcome(part, job.name, Result.DUE, job.why)
    try:
        return Outcome(part, job.name, Result.POSTPONED, _BUSY) if job.is_busy else _done(connection, part, job)
    except LockTimeout:
        return Outcome(part, job.name, Result.POSTPONED, _BUSY)
    except SkillTreeError as error:
        if connection.closed:
            raise
        return Outcome(part, job.name, Result.FAILED, f"{type(error).__name__}: {error}")


def _done(connection: Connection, part: str, job: _Job) -> Outcome:
    before = _bytes(connection, job.name)
    warnings: list[str] = []

    def note(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.message_primary or "")

    connection.add_notice_handler(note)
    try:
        with translated():
            connection.execute(job.statement)
    finally:
        connection.remove_notice_handler(note)
    # Such as: skipping vacuum of "users" --- lock not available
    if warnings:
        return Outcome(part, job.name, Result.POSTPONED, f"{'; '.join(warnings)}; the next run tries again")
    after = _bytes(connection, job.name) if part == "reindex" else None
    gain = f"; {_size(before)} → {_size(after)}" if before and after else ""
    return Outcome(part, job.name, Result.DONE, f"{job.why}{gain}")


def _leftovers(connection: Connection, options: Options) -> Iterator[_Job]:
    for row in _indexes(connection, options):
        if not row["is_valid"] and _is_leftover(row):
            yield _Job(
                row["index_name"],
                "an interrupted REINDEX CONCURRENTLY has left it",
                sql.SQL("drop index concurrently if exists public.{}").format(sql.Identifier(row["index_name"])),
                row["is_owner"],
                row["is_busy"],
            )


def _vacuum(connection: Connection, options: Options) -> Iterator[_Job]:
    for row in _tables(connection):
        reasons = []
        if _amount(row, "dead_amount") > options.behind:
            reasons.append(f"{row['dead_rows']:,} dead rows, {row['dead_amount']:g} times what autovacuum allows")
        if _amount(row, "insert_amount") > options.behind:
            reasons.append(f"new rows are {row['insert_amount']:g} times what autovacuum allows")
        is_old = _amount(row, "freeze_amount") > _LATE_FREEZE
        if is_old:
            reasons.append(f"its age is {row['freeze_amount']:g} times the one at which it must be frozen")
        if reasons and not row["is_partitioned"]:
            how = "freeze, analyze, skip_locked" if is_old else "analyze, skip_locked"
            yield _on_table(row, "; ".join(reasons), f"vacuum ({how})")


def _analyze(connection: Connection, options: Options) -> Iterator[_Job]:
    for row in _tables(connection):
        # All partitions, too, before PostgreSQL 18.
        one = " only" if row["is_partitioned"] and connection.info.server_version >= _ANALYZE_ONLY else ""
        analyzed_at = row["analyzed_at"]
        if analyzed_at is None:
            yield _on_table(row, "it was never analyzed", f"analyze (skip_locked){one}")
        elif _amount(row, "analyze_amount") > options.behind:
            told = f"changed rows are {row['analyze_amount']:g} times what autovacuum allows"
            yield _on_table(row, told, f"analyze (skip_locked){one}")
        elif row["is_partitioned"] and datetime.now(UTC) - analyzed_at > _ANALYZED_WITHIN:
            yield _on_table(row, f"it was last analyzed on {analyzed_at:%Y-%m-%d}", f"analyze (skip_locked){one}")


def _reindex(connection: Connection, options: Options) -> Iterator[_Job]:
    for row in _indexes(connection, options):
        is_bloated = row["bloat"] is not None and row["bloat"] >= options.bloat
        if not row["is_partitioned"] and not _is_leftover(row) and (is_bloated or not row["is_valid"]):
            yield _Job(
                row["index_name"],
                f"about {row['bloat']:.0%} is bloat" if is_bloated else "it is invalid",
                sql.SQL("reindex index concurrently public.{}").format(sql.Identifier(row["index_name"])),
                row["may_maintain"],
                row["is_busy"],
            )


_DUE: dict[str, Callable[[Connection, Options], Iterator[_Job]]] = {
    "leftovers": _leftovers,
    "vacuum": _vacuum,
    "analyze": _analyze,
    "reindex": _reindex,
}


def _on_table(row: Row, why: str, command: str) -> _Job:
    statement = sql.SQL("{} public.{}").format(sql.SQL(command), sql.Identifier(row["table_name"]))
    return _Job(row["table_name"], why, statement, row["may_maintain"])


def _tables(connection: Connection) -> list[Row]:
    return connection.execute(load("monitor/tables")).fetchall()


def _indexes(connection: Connection, options: Options) -> list[Row]:
    return connection.execute(load("monitor/indexes"), {"least_bytes": options.least_index_bytes}).fetchall()


def _is_leftover(row: Row) -> bool:
    return not row["is_valid"] and _LEFTOVER.search(row["index_name"]) is not None


def _amount(row: Row, name: str) -> float:
    return float(row[name] or 0)


def _bytes(connection: Connection, name: str) -> int | None:
    row = connection.execute(load("maintain/size"), {"name": name}).fetchone()
    return None if row is None else row["bytes"]


def _size(count: int | None) -> str:
    return f"{(count or 0) / 1024 / 1024:,.1f} MB"
