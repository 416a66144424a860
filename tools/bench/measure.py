"""Times peers in turns: on one connection each, on eight, and from several processes."""

import asyncio
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from inspect import isawaitable
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier as AnyBarrier
from threading import Barrier, Lock
from typing import Any, NamedTuple, TypeVar

from skilltree import Database
from skilltree.models.ids import SkillId, UserId
from tools.bench.data import Data
from tools.bench.operations import Operation
from tools.bench.peers import Peer

T = TypeVar("T")

FLOOR = "psycopg"
CONNECTIONS = 8
_WARM_UP = 3
_TURNS = 3
_BULK_ROUNDS = 5
# More than can be completed in a second.
_MOST_A_SECOND = 4000


class Measured(NamedTuple):
    """The time of a call in seconds and as a multiple of the floor's time: the median and the middle half."""

    operation: str
    peer: str
    is_async: bool
    seconds: float
    low: float
    ratio: float
    high: float


class Loop:
    """The event loop of the async peers: asyncio's own, or another one."""

    def __init__(self, factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        self._runner = asyncio.Runner(loop_factory=factory)

    def close(self) -> None:
        self._runner.close()

    def finish(self, result: object) -> Any:
        """Return a result; the result of an async peer is awaited first."""
        return self._runner.run(_awaited(result)) if isawaitable(result) else result

    @contextmanager
    def opened(self, peers: Sequence[Peer]) -> Iterator[Sequence[Peer]]:
        """Open the peers, and close them at the end."""
        begun: list[Peer] = []
        try:
            for peer in peers:
                begun.append(peer)
                self.finish(peer.open())
            yield peers
        finally:
            for peer in begun:
                self.finish(peer.close())


def compare(
    peers: Sequence[Peer], operations: Sequence[Operation], data: Data, loop: Loop, rounds: int
) -> list[Measured]:
    """Run each operation of each peer in every round, in random order. Returns times and ratios."""
    measured: list[Measured] = []
    for operation in operations:
        times: dict[Peer, list[float]] = defaultdict(list)
        # Slow operations have already run once, when the results were compared.
        warm_up = min(_WARM_UP, rounds) if operation.batch > 1 else 0
        for number in range(warm_up + (rounds if operation.batch > 1 else min(rounds, _BULK_ROUNDS))):
            for peer in random.sample(peers, len(peers)):
                batch = [operation.arguments(data) for _ in range(operation.batch)]
                call = operation.call(peer)
                if warm_up:
                    # A warm-up, because the peer before has filled the processor's caches.
                    loop.finish(call(*operation.arguments(data)))
                taken = loop.finish(atimed(call, batch)) if peer.is_async else timed(call, batch)
                if number >= warm_up:
                    times[peer].append(taken / operation.batch)
        measured += _measured(operation, times)
    return measured


def throughput(
    peers: Sequence[Peer],
    operations: Sequence[Operation],
    data: Data,
    loop: Loop,
    seconds: float,
    *,
    turns: int = _TURNS,
) -> list[Measured]:
    """Run each operation of each peer on eight connections for a while, in turns. Returns the times per call.

    Sync peers use eight threads, async peers eight tasks.
    """
    measured: list[Measured] = []
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for operation in operations:
            times: dict[Peer, list[float]] = defaultdict(list)
            for turn in range(1 + min(turns, _TURNS)):
                for peer in random.sample(peers, len(peers)):
                    data.make_learners(round(seconds * _MOST_A_SECOND) + 2 * CONNECTIONS)
                    begun = time.perf_counter()
                    if peer.is_async:
                        counts = loop.finish(_by_tasks(operation, peer, data, begun + seconds))
                    else:
                        repeat = partial(_repeat, operation.call(peer), operation, data, begun + seconds)
                        counts = _in_each(threads, repeat)
                    taken = time.perf_counter() - begun
                    # The first turn opens connections and prepares statements; it does not count.
                    if turn:
                        times[peer].append(taken / sum(counts))
            measured += _measured(operation, times)
        for peer in peers:
            if not peer.is_async:
                # Django has a connection for each thread. Other peers close their pool, one thread after the other.
                _in_each(threads, partial(_close, peer, Lock()))
    return measured


def by_processes(url: str, data: Data, completions: int) -> dict[int, float]:
    """Return the skills completed per second, by the number of processes. Each process has one connection."""
    found: dict[int, float] = {}
    context = get_context("spawn")
    for count in (1, 2, 4, 8):
        barrier = context.Barrier(count + 1)
        shares = [[data.new_learner() for _ in range(completions // count + _WARM_UP)] for _ in range(count)]
        workers = [context.Process(target=_complete, args=(url, data.root, share, barrier)) for share in shares]
        for worker in workers:
            worker.start()
        barrier.wait(60)
        begun = time.perf_counter()
        barrier.wait(60)
        found[count] = completions // count * count / (time.perf_counter() - begun)
        for worker in workers:
            worker.join()
    return found


def _complete(url: str, root: SkillId, learners: list[UserId], barrier: AnyBarrier) -> None:
    with Database(url, max_size=1) as db:
        for learner in learners[:_WARM_UP]:
            db.progress.complete_skill(learner, root)
        barrier.wait()
        for learner in learners[_WARM_UP:]:
            db.progress.complete_skill(learner, root)
        barrier.wait()


def timed(call: Callable[..., object], batch: list[tuple[object, ...]]) -> float:
    """Return the seconds of all calls together."""
    begun = time.perf_counter()
    for arguments in batch:
        call(*arguments)
    return time.perf_counter() - begun


async def atimed(call: Callable[..., Any], batch: list[tuple[object, ...]]) -> float:
    """Return the seconds of all calls of an async peer together."""
    begun = time.perf_counter()
    for arguments in batch:
        await call(*arguments)
    return time.perf_counter() - begun


async def _awaited(result: Awaitable[object]) -> object:
    return await result


def _in_each(threads: ThreadPoolExecutor, work: Callable[[], T]) -> list[T]:
    """Run a function in each of the threads."""
    barrier = Barrier(CONNECTIONS)

    def together() -> T:
        barrier.wait()
        return work()

    return [each.result() for each in [threads.submit(together) for _ in range(CONNECTIONS)]]


def _close(peer: Peer, lock: AbstractContextManager[object]) -> None:
    with lock:
        peer.close()


def _repeat(call: Callable[..., object], operation: Operation, data: Data, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        call(*operation.arguments(data))
        count += 1
    return count


async def _by_tasks(operation: Operation, peer: Peer, data: Data, until: float) -> list[int]:
    call: Callable[..., Any] = operation.call(peer)

    async def repeat() -> int:
        count = 0
        while time.perf_counter() < until:
            await call(*operation.arguments(data))
            count += 1
        return count

    return await asyncio.gather(*(repeat() for _ in range(CONNECTIONS)))


def _measured(operation: Operation, times: dict[Peer, list[float]]) -> list[Measured]:
    floors = {peer.is_async: taken for peer, taken in times.items() if peer.name == FLOOR}
    measured = []
    for peer, taken in times.items():
        ratios = [mine / floor for mine, floor in zip(taken, floors[peer.is_async], strict=True)]
        low, ratio, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        measured.append(Measured(operation.name, peer.name, peer.is_async, statistics.median(taken), low, ratio, high))
    return measured
