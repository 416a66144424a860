"""Where the client and the server run, on Linux.

The scheduler often puts both on one core, where nothing of their work overlaps, and some seconds later on two, where
each call wakes the other up: a ratio of calls that do more and less of either then says which it was. Two machines, as
most have them, never share a core.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg import Connection

APART, SHARED, FREE = "apart", "shared", "free"
PLACEMENTS = (APART, SHARED, FREE)


@contextmanager
def placed(connection: Connection[Any], placement: str) -> Iterator[str]:
    """Keep this process and the server on cores of their own, or both on one, and yield which it is.

    That is FREE where the system cannot, where there is but one core, or where the server runs elsewhere or is
    somebody else's.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    server = _processes(connection)
    half = len(cores) // 2
    if placement == FREE or not half or not server:
        yield FREE
        return
    own, theirs = (cores[half:], cores[:half]) if placement == APART else (cores[-1:], cores[-1:])
    before = os.sched_getaffinity(server[0])
    if not _move(server, theirs):
        yield FREE
        return
    os.sched_setaffinity(0, own)
    try:
        yield placement
    finally:
        os.sched_setaffinity(0, cores)
        # Those that have been started meanwhile, too.
        _move(_processes(connection), before)


def _move(processes: Iterable[int], cores: Iterable[int]) -> bool:
    """Tell whether all of the processes could be moved. What ends meanwhile need not be."""
    for process in processes:
        try:
            os.sched_setaffinity(process, cores)
        except ProcessLookupError:
            continue
        except PermissionError:
            return False
    return True


def _processes(connection: Connection[Any]) -> list[int]:
    """Return the server's processes, the first of which starts the others; none, if it is not on this machine."""
    backend = connection.info.backend_pid
    parents = dict(_parents())
    if not connection.info.host.startswith("/") or backend not in parents:
        return []
    postmaster = parents[backend]
    return [postmaster, *(process for process, parent in parents.items() if parent == postmaster)]


def _parents() -> Iterator[tuple[int, int]]:
    """Yield each process with the one that started it."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name before it may hold anything.
            yield int(status.parent.name), int(status.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
