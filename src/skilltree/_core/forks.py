"""Handles connections after a fork. Both processes share the sockets, but only the parent may use them."""

import os
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet

import psycopg


class _Forgets(Protocol):
    def forget(self) -> None: ...


class _Connected(Protocol):
    def fileno(self) -> int: ...


HOLDERS: WeakSet[_Forgets] = WeakSet()
"""All objects that hold connections. They are notified after a fork."""

_INHERITED: list[object] = []
"""Pools of the parent process. Their finalizers must not run here: they would close the parent's connections."""


def sever(connection: _Connected) -> None:
    """Replace this process's copy of a socket by /dev/null. Writes to it no longer reach the server."""
    # A broken connection has no descriptor.
    with suppress(psycopg.Error, ValueError):
        descriptor = connection.fileno()
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            os.dup2(nothing, descriptor, inheritable=False)
        finally:
            os.close(nothing)


def keep(pool: object) -> None:
    """Keep a pool of the parent process from being finalized while this process lives."""
    _INHERITED.append(pool)


def _after_fork() -> None:
    for holder in list(HOLDERS):
        holder.forget()


# Some forking servers, such as uWSGI, skip this hook. So every use of a connection checks the process, too.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
