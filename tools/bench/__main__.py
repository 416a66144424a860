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
import uvloop
from psycopg import Connection

from skilltree import Database, embedded
from skilltree.migrate.scratch import scratch_database
from tools.bench import chart, cores, measure, network, pgbench, report
from tools.bench.by_aiosql import Aiosql, AsyncAiosql
from tools.bench.by_asyncpg import Asyncpg
from tools.bench.by_django import Django
from tools.bench.by_psycopg import AsyncPsycopg, PlainCopy, Psycopg
from tools.bench.by_pydantic import AsyncPydanticPsycopg, PydanticAsyncpg, PydanticPsycopg
from tools.bench.by_sqlalchemy import AsyncSqlalchemy, Sqlalchemy
from tools.bench.by_sqlmodel import AsyncSqlmodel, Sqlmodel
from tools.bench.by_sqlspec import AsyncSqlspec, Sqlspec
from tools.bench.data import Data
from tools.bench.operations import OPERATIONS, Operation, check
from tools.bench.ours import Skilltree
from tools.bench.peers import Peer
from tools.bench.report import Figures

DOCS = Path(__file__).parents[2] / "docs"
_ONE_WAY = 0.00025
_FAR = ("get", "load", "complete")
_COMPLETIONS = 480

Measurements = list[measure.Measured]


def peers(url: str, size: int) -> list[Peer]:
    """Return the peers that return rows as they come, each with ``size`` connections."""
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


def model_peers(url: str, size: int) -> list[Peer]:
    """Return the peers that return validated models, after the floor."""
    return [
        Psycopg(url, size),
        Skilltree(url, size, is_async=False),
        PydanticPsycopg(url, size),
        Sqlmodel(url, size),
        Sqlspec(url, size),
        AsyncPsycopg(url, size),
        Skilltree(url, size, is_async=True),
        AsyncPydanticPsycopg(url, size),
        PydanticAsyncpg(url, size),
        AsyncSqlmodel(url, size),
        AsyncSqlspec(url, size),
    ]


def async_peers(url: str, size: int) -> list[Peer]:
    """Return all async peers, each once."""
    every = [*peers(url, size), *model_peers(url, size)]
    return [*{peer.name: peer for peer in every if peer.is_async}.values()]


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
    loop, fast_loop = measure.Loop(), measure.Loop(uvloop.new_event_loop)
    with ExitStack() as stack:
        stack.callback(loop.close)
        stack.callback(fast_loop.close)
        db = stack.enter_context(Database(url))
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        data = Data(db, connection, rows=rows)

        def one(those: Sequence[Peer], loop: measure.Loop, operations: Sequence[Operation] = few) -> Measurements:
            with loop.opened(those), cores.placed(connection, placement):
                check(those, operations, data, loop.finish)
                return measure.compare(those, operations, data, loop, rounds)

        def many(those: Sequence[Peer], loop: measure.Loop) -> Measurements:
            with loop.opened(those):
                check(those, few, data, loop.finish)
                return measure.throughput(those, few, data, loop, seconds, turns=rounds)

        _say("one connection each")
        with cores.placed(connection, placement) as placed:
            trip = _trip(connection)
        near = one([*peers(url, 1), *more_peers(url, data)], loop)
        models = one(model_peers(url, 1), loop)
        fast = one(async_peers(url, 1), fast_loop)
        far_trip, far = 0.0, []
        if rounds > 1:
            _say("through a delay")
            far_url = stack.enter_context(network.delayed(url, _ONE_WAY))
            with psycopg.connect(far_url, autocommit=True) as far_connection:
                far_trip = _trip(far_connection)
            with loop.opened(peers(far_url, 1)) as distant:
                far = measure.compare(distant, [each for each in few if each.name in _FAR], data, loop, rounds // 2)
        _say("eight connections each")
        rates = many(peers(url, measure.CONNECTIONS), loop)
        model_rates = many(model_peers(url, measure.CONNECTIONS), loop)
        fast_rates = many(async_peers(url, measure.CONNECTIONS), fast_loop)
        _say("pgbench, processes, doctor, bulk")
        whole = round(4 * seconds)
        limits = {clients: pgbench.run(url, connection, data, clients, whole) for clients in (1, measure.CONNECTIONS)}
        processes = {}
        if rounds > 1 and "complete" in operations:
            processes = measure.by_processes(url, data, _COMPLETIONS)
        if found := db.doctor.examine():
            raise ValueError(f"the doctor finds faults in what the peers completed: {found[:10]}")
        # At the end, because imported rows leave derived data for the doctor to compute.
        bulk = [each for each in chosen if each.name == "bulk"]
        near += one([*peers(url, 1), PlainCopy(url, 1)], loop, bulk)
        models += one(model_peers(url, 1), loop, bulk)
        return Figures(
            f"PostgreSQL {connection.info.parameter_status('server_version')}",
            placed,
            near,
            far,
            (trip, far_trip),
            rates,
            {n: each for n, each in limits.items() if each},
            processes,
            models,
            model_rates,
            fast,
            fast_rates,
        )


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
