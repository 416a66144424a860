"""Compare skilltree with other ways to work with PostgreSQL, on one database, taking turns in one run: ``make bench``.

The server is a new embedded one, or that of ``DATABASE_URL``; the database is dropped at the end. Before the timing,
every peer runs every operation once, and all must return and write the same. At the end, the doctor must find nothing
wrong with the completed skills. Prints tables; ``--write`` puts them into docs/benchmarks.md, with a chart.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from skilltree import Database, embedded
from skilltree.migrate.scratch import scratch_database
from tools.bench import chart, cores, measure, network, pgbench, report
from tools.bench.by_aiosql import Aiosql, AsyncAiosql
from tools.bench.by_asyncpg import Asyncpg
from tools.bench.by_django import Django
from tools.bench.by_psycopg import AsyncPsycopg, PlainCopy, Psycopg
from tools.bench.by_sqlalchemy import AsyncSqlalchemy, Sqlalchemy
from tools.bench.data import Data
from tools.bench.operations import OPERATIONS, Operation, check
from tools.bench.ours import Skilltree
from tools.bench.peers import Peer
from tools.bench.report import Figures

DOCS = Path(__file__).parents[2] / "docs"
_ONE_WAY = 0.00025
_FAR = ("get", "load", "complete")
_COMPLETIONS = 480


def peers(url: str, size: int) -> list[Peer]:
    """Return the peers to compare, each with ``size`` connections."""
    return [
        Psycopg(url, size),
        Skilltree(url, size, is_async=False),
        Aiosql(url, size),
        Sqlalchemy(url, size),
        Django(url, size),
        AsyncPsycopg(url, size),
        Skilltree(url, size, is_async=True),
        Asyncpg(url, size),
        AsyncAiosql(url, size),
        AsyncSqlalchemy(url, size),
    ]


def more_peers(url: str, data: Data) -> list[Peer]:
    """Return peers that show the costs of one feature: a pool, row-level security."""
    return [
        Psycopg(url, 1, pooled=True),
        Skilltree(url, 1, is_async=False, as_user=data.learner),
        Skilltree(url, 1, is_async=True, as_user=data.learner),
    ]


def run(
    url: str,
    *,
    operations: Sequence[str],
    rounds: int,
    seconds: float,
    rows: int = 10_000,
    placement: str = cores.APART,
) -> Figures:
    """Measure on a migrated, empty database. ``rows`` is the number of rows of the bulk operation.

    ``placement`` says on which cores client and server run while one connection is measured.
    """
    chosen = [each for each in OPERATIONS if each.name in operations]
    few = [each for each in chosen if each.name != "bulk"]
    loop = measure.Loop()
    with ExitStack() as stack:
        stack.callback(loop.close)
        db = stack.enter_context(Database(url))
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        data = Data(db, connection, rows=rows)
        _say("comparing results, then one connection each")
        near = stack.enter_context(loop.opened([*peers(url, 1), *more_peers(url, data)]))
        check(near, few, data, loop.finish)
        with cores.placed(connection, placement) as placed:
            measured = measure.compare(near, few, data, loop, rounds)
            trip = _trip(connection)
        far_trip, far = 0.0, []
        if rounds > 1:
            _say("through a delay")
            far_url = stack.enter_context(network.delayed(url, _ONE_WAY))
            with psycopg.connect(far_url, autocommit=True) as far_connection:
                far_trip = _trip(far_connection)
            with loop.opened(peers(far_url, 1)) as distant:
                far = measure.compare(distant, [each for each in few if each.name in _FAR], data, loop, rounds // 2)
        _say("eight connections each")
        with loop.opened(peers(url, measure.CONNECTIONS)) as many:
            check(many, few, data, loop.finish)
            rates = measure.throughput(many, few, data, loop, seconds)
        _say("pgbench, processes, doctor, bulk")
        whole = round(4 * seconds)
        limits = {clients: pgbench.run(url, connection, data, clients, whole) for clients in (1, measure.CONNECTIONS)}
        processes = {}
        if rounds > 1 and "complete" in operations:
            processes = measure.by_processes(url, data, _COMPLETIONS)
        if found := db.doctor.examine():
            raise ValueError(f"the doctor finds faults in what the peers completed: {found[:10]}")
        # At the end, because imported rows leave derived data for the doctor to compute.
        with cores.placed(connection, placement):
            measured += _bulk(chosen, [*near, PlainCopy(url, 1)], data, loop, rounds)
        server = f"PostgreSQL {connection.info.parameter_status('server_version')}"
        return Figures(
            server,
            placed,
            measured,
            far,
            (trip, far_trip),
            rates,
            {n: each for n, each in limits.items() if each},
            processes,
        )


def _bulk(
    operations: Sequence[Operation], those: Sequence[Peer], data: Data, loop: measure.Loop, rounds: int
) -> list[measure.Measured]:
    bulk = [each for each in operations if each.name == "bulk"]
    # A pool or row-level security makes no difference to a bulk operation.
    of_interest = [each for each in those if each.name not in {"psycopg, pool", report.AS_USER}]
    with loop.opened(of_interest[-1:]):
        check(of_interest, bulk, data, loop.finish)
        return measure.compare(of_interest, bulk, data, loop, rounds)


def _say(what: str) -> None:
    print(f"{what} …", file=sys.stderr, flush=True)


def _trip(connection: Connection[Any]) -> float:
    """Return the seconds of a network round trip."""
    times = []
    for _ in range(200):
        begun = time.perf_counter()
        connection.execute("select 1")
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.partition("\n")[0])
    names = [each.name for each in OPERATIONS]
    parser.add_argument("--operations", default=",".join(names), help=f"any of {', '.join(names)}, with commas between")
    parser.add_argument("--rounds", type=int, default=40, help="how often each operation is measured on one connection")
    parser.add_argument("--seconds", type=float, default=0.3, help="the seconds of a turn on eight connections")
    parser.add_argument("--pg", type=int, default=18, choices=embedded.SUPPORTED_VERSIONS, help="the embedded server")
    parser.add_argument(
        "--cores", default=cores.APART, choices=cores.PLACEMENTS, help="where client and server run on one connection"
    )
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and docs/benchmarks.svg")
    given = parser.parse_args()
    operations = given.operations.split(",")
    if unknown := set(operations) - set(names):
        parser.error(f"there is no operation {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    with ExitStack() as stack:
        server = os.environ.get("DATABASE_URL") or stack.enter_context(embedded.throw_away(version=given.pg))
        url = stack.enter_context(scratch_database(server))
        figures = run(url, operations=operations, rounds=given.rounds, seconds=given.seconds, placement=given.cores)
    text = report.written(figures, "make bench")
    print(text)
    if given.write:
        report.write(DOCS, text)
        (DOCS / "benchmarks.svg").write_text(chart.svg(figures.near))
    return 0


if __name__ == "__main__":
    sys.exit(main())
