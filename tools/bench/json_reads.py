"""What JSON answers cost: ``python -m tools.bench.json_reads``.

It compares, in turns on one connection each, hand-written psycopg and asyncpg with tuples, the models, the dump of the
models, and ``db.json``: as it is, and without keeping documents that were seen before ("cold"). Prints the time of a
call, and its ratio to psycopg's tuples in the same round: the median and the middle half.
"""

import argparse
import os
import random
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import psycopg

from skilltree import AsyncDatabase, Database, embedded
from skilltree._core import json_text
from skilltree.migrate.scratch import scratch_database
from tools.bench import cores
from tools.bench.by_asyncpg import Asyncpg
from tools.bench.by_psycopg import AsyncPsycopg, Psycopg
from tools.bench.data import SLUG, Data
from tools.bench.measure import Loop, atimed, timed
from tools.bench.ours import Skilltree

_WARM_UP = 3
_FLOOR = "psycopg, tuples"
_BATCHES = {"get": 40, "load": 2, "page": 5}


def _calls(loop: Loop, url: str, stack: ExitStack, *, is_async: bool) -> dict[str, Any]:
    """Return the peers by name. Each has the methods get, load and page."""
    peers: dict[str, Any] = {_FLOOR: AsyncPsycopg(url, 1) if is_async else Psycopg(url, 1)}
    if is_async:
        peers["asyncpg, tuples"] = Asyncpg(url, 1)
    peers["models"] = Skilltree(url, 1, is_async=is_async)
    for peer in peers.values():
        loop.finish(peer.open())
        stack.callback(_close, loop, peer)
    peers["models, dumped"] = _Dumped(url, is_async)
    peers["db.json"] = _Json(url, is_async)
    peers["db.json, cold"] = _Cold(url, is_async)
    for name in list(peers)[-3:]:
        loop.finish(peers[name].db.open())
        stack.callback(_close, loop, peers[name].db)
    return peers


def _close(loop: Loop, peer: Any) -> None:
    loop.finish(peer.close())


class _Json:
    def __init__(self, url: str, is_async: bool) -> None:
        self.db: Any = (AsyncDatabase if is_async else Database)(url, min_size=1, max_size=1)
        self.get: Callable[..., Any] = self.db.json.trees.get
        self.load: Callable[..., Any] = self.db.json.trees.load
        self.page: Callable[..., Any] = self.db.json.trees.list


class _Cold(_Json):
    """The same without the documents of earlier calls, or of the same call."""

    def __init__(self, url: str, is_async: bool) -> None:
        super().__init__(url, is_async)
        wrap = _aforgetting if is_async else _forgetting
        self.get, self.load, self.page = map(wrap, (self.get, self.load, self.page))


def _forgetting(call: Callable[..., Any]) -> Callable[..., Any]:
    def forget(*args: Any) -> Any:
        with patch.object(json_text, "_kept", json_text._written):
            return call(*args)

    return forget


def _aforgetting(call: Callable[..., Any]) -> Callable[..., Any]:
    async def forget(*args: Any) -> Any:
        with patch.object(json_text, "_kept", json_text._written):
            return await call(*args)

    return forget


class _Dumped(_Json):
    """What an application does without ``db.json``."""

    def __init__(self, url: str, is_async: bool) -> None:
        super().__init__(url, is_async)
        wrap = _adumping if is_async else _dumping
        self.get, self.load, self.page = map(wrap, (self.db.trees.get, self.db.trees.load, self.db.trees.list))


def _dumping(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: call(*args).model_dump_json(by_alias=True).encode()


def _adumping(call: Callable[..., Any]) -> Callable[..., Any]:
    async def dump(*args: Any) -> bytes:
        found: bytes = (await call(*args)).model_dump_json(by_alias=True).encode()
        return found

    return dump


def measure(url: str, rounds: int) -> None:
    """Print a line for each operation and peer."""
    loop = Loop()
    with ExitStack() as stack:
        stack.callback(loop.close)
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        print("cores:", stack.enter_context(cores.placed(connection, cores.APART)), file=sys.stderr)
        data = Data(stack.enter_context(Database(url)), connection, rows=1000)
        arguments: dict[str, tuple[object, ...]] = {"get": (data.tree_id,), "load": (SLUG, data.learner), "page": ()}
        for is_async in (False, True):
            peers = _calls(loop, url, stack, is_async=is_async)
            for operation, batch in _BATCHES.items():
                times: dict[str, list[float]] = {name: [] for name in peers}
                calls = [arguments[operation]] * batch
                for number in range(rounds + _WARM_UP):
                    for name in random.sample(sorted(peers), len(peers)):
                        call = getattr(peers[name], operation)
                        loop.finish(call(*calls[0]))
                        taken = loop.finish(atimed(call, calls)) if is_async else timed(call, calls)
                        if number >= _WARM_UP:
                            times[name].append(taken / batch)
                for name, seconds in times.items():
                    ratios = [mine / floor for mine, floor in zip(seconds, times[_FLOOR], strict=True)]
                    low, ratio, high = statistics.quantiles(ratios, n=4)
                    way = "async" if is_async else "sync"
                    shown = f"{statistics.median(seconds) * 1e3:7.3f} ms"
                    print(f"{way:6}{operation:6}{name:18}{shown}  {ratio:5.2f}  ({low:.2f} to {high:.2f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.json_reads", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=60, help="how often each peer is measured")
    parser.add_argument("--pg", type=int, default=18, choices=embedded.SUPPORTED_VERSIONS, help="the embedded server")
    given = parser.parse_args()
    with ExitStack() as stack:
        server = os.environ.get("DATABASE_URL") or stack.enter_context(embedded.throw_away(version=given.pg))
        measure(stack.enter_context(scratch_database(server)), given.rounds)


if __name__ == "__main__":
    main()
