"""Sets the cores on which client and server run, on Linux.

The scheduler often puts both on one core, where their work never overlaps. Some seconds later it uses two cores, where
each call wakes the other side. A ratio between calls with different shares of both would then measure the placement.
In production, client and server usually run on two machines and never share a core.
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
    """Put this process and the server on separate cores, or both on one, and yield the actual placement.

    It is FREE if the system does not support this, if there is only one core, or if the server runs on another machine
    or belongs to another user.
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
        # This includes processes started in the meantime.
        _move(_processes(connection), before)


def _move(processes: Iterable[int], cores: Iterable[int]) -> bool:
    """Return whether all of the processes were moved. A process that has ended does not count."""
    for process in processes:
        try:
            os.sched_setaffinity(process, cores)
        except ProcessLookupError:
            continue
        except PermissionError:
            return False
    return True


def _processes(connection: Connection[Any]) -> list[int]:
    """Return the server's processes, beginning with the parent; an empty list if it is not on this machine."""
    backend = connection.info.backend_pid
    parents = dict(_parents())
    if not connection.info.host.startswith("/") or backend not in parents:
        return []
    postmaster = parents[backend]
    return [postmaster, *(process for process, parent in parents.items() if parent == postmaster)]


def _parents() -> Iterator[tuple[int, int]]:
    """Yield each process with its parent."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name before it may contain any character.
            yield int(status.parent.name), int(status.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
