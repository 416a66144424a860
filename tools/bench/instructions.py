"""Instructions of the client for a call, whatever else the machine does: ``python -m tools.bench.instructions``.

Valgrind's Callgrind counts them (Debian's package valgrind). The first table has whole calls of peers, one connection
each, the second what a call of skilltree is made of. What the server and the kernel do is not counted.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg_pool import ConnectionPool

from skilltree import Database, embedded
from skilltree._core.driver_errors import translated
from skilltree._core.queries import read
from skilltree._sync.repository import Step
from skilltree.migrate.scratch import scratch_database
from skilltree.models.ids import UserId
from tools.bench.by_psycopg import Psycopg
from tools.bench.by_pydantic import PydanticPsycopg
from tools.bench.data import Data
from tools.bench.measure import Loop
from tools.bench.operations import OPERATIONS
from tools.bench.ours import Skilltree
from tools.bench.report import table

_CALLS = 50
_WARM_UP = 10
_MEASURED = ("get", "page", "progress", "missing")
_TOTAL = re.compile(r"^totals: (\d+)", re.MULTILINE)


class Part(NamedTuple):
    """What is called, and its row and column in the tables."""

    row: str
    column: str
    call: Callable[[], object]


def parts(url: str, stack: ExitStack, learner: UserId, arguments: dict[str, Sequence[Any]]) -> list[Part]:
    """Return all that is counted. ``arguments`` are those of each operation."""
    loop = stack.enter_context(closing(Loop()))
    peers = stack.enter_context(
        loop.opened(
            [
                Psycopg(url, 1),
                Psycopg(url, 1, pooled=True),
                PydanticPsycopg(url, 1),
                Skilltree(url, 1, is_async=False),
                Skilltree(url, 1, is_async=False, as_user=learner),
            ]
        )
    )
    found = [
        Part(operation.title, peer.name, _bound(operation.call(peer), arguments[operation.name]))
        for operation in OPERATIONS
        if operation.name in _MEASURED
        for peer in peers
    ]
    pool = stack.enter_context(ConnectionPool(url, min_size=1, max_size=1))
    db = stack.enter_context(Database(url, min_size=1, max_size=1))
    query, params = read("trees/get"), {"tree_id": arguments["get"][0]}
    step = Step(query, params, None)
    made: dict[str, Callable[[], object]] = {
        "psycopg_pool lends a connection": lambda: pool.putconn(pool.getconn()),
        "the same, as skilltree does it": lambda: db._pool.give_back(db._pool.checkout()),
        "the arguments in the order of the statement": lambda: query.values(params),
        "errors in our words, without an error": lambda: _translate(step),
        "a scope for a learner": lambda: db.as_user(learner),
        "a repository, made at first use": lambda: db.as_user(learner).trees,
    }
    return found + [Part(title, "", call) for title, call in made.items()]


def _bound(call: Callable[..., object], arguments: Sequence[Any]) -> Callable[[], object]:
    return lambda: call(*arguments)


def _translate(step: Step) -> None:
    with translated([step]):
        pass


def run(url: str, learner: UserId, arguments: dict[str, Sequence[Any]]) -> None:
    """Call each part, with a mark in Callgrind's output before and after the calls that count."""
    with ExitStack() as stack:
        for part in parts(url, stack, learner, arguments):
            for _ in range(_WARM_UP):
                part.call()
            _mark()
            for _ in range(_CALLS):
                part.call()
            _mark()
            print(json.dumps([part.row, part.column]), flush=True)


def _mark() -> None:
    """Make Callgrind write what it has counted since the last mark, and begin again at 0."""
    os.getppid()


def count(url: str, learner: UserId, arguments: dict[str, Sequence[Any]], folder: Path) -> dict[tuple[str, str], int]:
    """Return the instructions of a call, by row and column."""
    given = json.dumps([url, str(learner), {name: [str(each) for each in those] for name, those in arguments.items()}])
    done = subprocess.run(
        [
            *("valgrind", "--tool=callgrind", "--dump-before=getppid", f"--callgrind-out-file={folder / 'counted'}"),
            *(sys.executable, "-m", __spec__.name, "--counted", given),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    named = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    # Two dumps for each part: the warm-up, with what came before it, and the calls.
    totals = [int(_TOTAL.findall((folder / f"counted.{2 * n}").read_text())[0]) for n in range(1, len(named) + 1)]
    return {(row, column): total // _CALLS for (row, column), total in zip(named, totals, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.instructions", description=__doc__.partition("\n")[0])
    parser.add_argument("--pg", type=int, default=18, choices=embedded.SUPPORTED_VERSIONS, help="the embedded server")
    parser.add_argument("--counted", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.counted:
        url, learner, arguments = json.loads(given.counted)
        run(url, UserId(UUID(learner)), {name: [UUID(each) for each in those] for name, those in arguments.items()})
        return
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed, which counts the instructions")
    with ExitStack() as stack:
        server = os.environ.get("DATABASE_URL") or stack.enter_context(embedded.throw_away(version=given.pg))
        url = stack.enter_context(scratch_database(server))
        db = stack.enter_context(Database(url))
        data = Data(db, stack.enter_context(psycopg.connect(url, autocommit=True)))
        arguments = {each.name: each.arguments(data) for each in OPERATIONS if each.name in _MEASURED}
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        print(written(count(url, data.learner, arguments, folder)))


def written(counted: Mapping[tuple[str, str], int]) -> str:
    """Return the counts as two tables in Markdown, in thousands."""
    calls = {key: number for key, number in counted.items() if key[1]}
    columns = list(dict.fromkeys(column for _, column in calls))
    rows = [
        [row, *(f"{calls[row, column] / 1000:,.0f}" for column in columns)]
        for row in dict.fromkeys(row for row, _ in calls)
    ]
    made_of = [[row, f"{number / 1000:,.1f}"] for (row, column), number in counted.items() if not column]
    header = "thousand instructions of the client"
    return f"{table([header, *columns], rows)}\n\n{table(['part of a call', header], made_of)}"


if __name__ == "__main__":
    main()
