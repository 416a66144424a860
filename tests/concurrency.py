"""Run functions at the same time: as tasks in async tests, as threads in sync tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any


async def concurrently_async(*work: Callable[[], Awaitable[Any]]) -> list[Any]:
    """Run all functions at the same time and return their results. A failure is returned as its exception."""
    return await asyncio.gather(*(one() for one in work), return_exceptions=True)


def concurrently_sync(*work: Callable[[], Any]) -> list[Any]:
    """Run all functions at the same time and return their results. A failure is returned as its exception."""
    with ThreadPoolExecutor(len(work)) as threads:
        futures = [threads.submit(one) for one in work]
    return [future.exception() or future.result() for future in futures]


@asynccontextmanager
async def in_background_async(work: Callable[[], Awaitable[Any]]) -> AsyncIterator[asyncio.Future[Any]]:
    """Run a function while the block runs. The block ends only after the function has returned or failed."""
    task = asyncio.ensure_future(work())
    try:
        yield task
    finally:
        await asyncio.wait([task])


@contextmanager
def in_background_sync(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Run a function while the block runs. The block ends only after the function has returned or failed."""
    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(work)


def failures(results: Iterable[Any]) -> list[BaseException]:
    """Return the results that are exceptions."""
    return [result for result in results if isinstance(result, BaseException)]
