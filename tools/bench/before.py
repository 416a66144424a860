"""Compare this checkout with an earlier one, taking turns in one run: ``python -m tools.bench.before ../earlier``.

Each checkout has its own process, with the Python of its ``.venv``, and its own database on one server, with its own
migrations and the same data. Prints the ratio of the times: the median and the middle half. ``make demo`` or
``make test`` creates the ``.venv`` of a checkout.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from skilltree import embedded
from skilltree.migrate.scratch import scratch_database
from tools.bench import cores
from tools.bench.operations import OPERATIONS
from tools.bench.worker import WAYS

ROOT = Path(__file__).parents[2]
_WARM_UP = 3
_SLOW_ROUNDS = 10


class Ratio(NamedTuple):
    """The seconds of a call in both checkouts, and their ratio: the median and the middle half."""

    operation: str
    way: str
    before: float
    after: float
    low: float
    ratio: float
    high: float


class Worker:
    """The process of a checkout. It times calls when told to."""

    def __init__(self, checkout: Path, url: str) -> None:
        # The tools are those of this checkout; the library is the one that the other Python has installed.
        command = [str(_program(checkout, "python")), "-m", "tools.bench.worker", url]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self._asked, self._answers = self._process.stdin, self._process.stdout
        self._answer()

    def seconds(self, operation: str, way: str) -> float:
        """Return the time of one call: the mean of a batch."""
        print(operation, way, file=self._asked, flush=True)
        return float(self._answer())

    def close(self) -> None:
        self._asked.close()
        self._process.wait()
        self._answers.close()

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"the process of a checkout has ended: {self._process.args!r}")
        return json.loads(line)


def compare(
    earlier: Path, server: str, *, operations: Sequence[str], rounds: int, placement: str = cores.APART
) -> list[Ratio]:
    """Run each operation of both checkouts in every round, in random order. Returns times and ratios."""
    with ExitStack() as stack:
        urls = [stack.enter_context(scratch_database(server, migrated=False)) for _ in range(2)]
        connection = stack.enter_context(psycopg.connect(server, autocommit=True))
        placed = stack.enter_context(cores.placed(connection, placement))
        workers = []
        for checkout, url in zip((earlier, ROOT), urls, strict=True):
            migrate = [str(_program(checkout, "skilltree")), "migrate"]
            subprocess.run(migrate, cwd=checkout, env=os.environ | {"DATABASE_URL": url}, check=True, stdout=sys.stderr)
            workers.append(Worker(checkout, url))
            stack.callback(workers[-1].close)
        print(f"cores: {placed}", file=sys.stderr)
        found = []
        for operation in operations:
            for way in WAYS if operation != "bulk" else WAYS[:2]:
                turns = _SLOW_ROUNDS if operation == "bulk" else rounds
                found.append(_compared(workers, operation, way, turns))
                print(shown(found[-1]), flush=True)
        return found


def _program(checkout: Path, name: str) -> Path:
    return checkout / ".venv" / "bin" / name


def _compared(workers: Sequence[Worker], operation: str, way: str, rounds: int) -> Ratio:
    times: dict[Worker, list[float]] = {worker: [] for worker in workers}
    for number in range(rounds + _WARM_UP):
        for worker in random.sample(workers, len(workers)):
            taken = worker.seconds(operation, way)
            if number >= _WARM_UP:
                times[worker].append(taken)
    before, after = times.values()
    low, ratio, high = statistics.quantiles([new / old for old, new in zip(before, after, strict=True)], n=4)
    return Ratio(operation, way, statistics.median(before), statistics.median(after), low, ratio, high)


def shown(each: Ratio) -> str:
    """Return a line of the table."""
    times = f"{each.before * 1000:8.3f} ms {each.after * 1000:8.3f} ms"
    return f"{each.operation:10}{each.way:8}{times}  {each.ratio:5.2f}  ({each.low:.2f} to {each.high:.2f})"


@contextmanager
def _server(version: int) -> Iterator[str]:
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with embedded.throw_away(version=version) as url:
        yield url


def main() -> int:
    """Compare, and print. Exit 1 if an operation takes longer than ``--most`` times as long as before."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.before", description=__doc__.partition("\n")[0])
    parser.add_argument("earlier", type=Path, help="the other checkout, with its .venv")
    names = ",".join(each.name for each in OPERATIONS)
    parser.add_argument("--operations", default=names, help=f"any of {names}")
    parser.add_argument("--rounds", type=int, default=40, help="how often each operation is measured")
    parser.add_argument("--pg", type=int, default=18, choices=embedded.SUPPORTED_VERSIONS, help="the embedded server")
    parser.add_argument("--most", type=float, default=1.05, help="the highest ratio that is not a failure")
    given = parser.parse_args()
    if not _program(given.earlier, "skilltree").exists():
        parser.error("give another checkout that has a .venv")
    with _server(given.pg) as server:
        found = compare(given.earlier.resolve(), server, operations=given.operations.split(","), rounds=given.rounds)
    slower = [each for each in found if each.ratio > given.most]
    for each in slower:
        print(f"slower than {given.most} times: {each.operation}, {each.way}", file=sys.stderr)
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
