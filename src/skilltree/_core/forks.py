"""What is left of connections after a fork: both processes have the same sockets, and only one may use them."""

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
"""Whatever holds connections, to be told of a fork."""

_INHERITED: list[object] = []
"""Pools of the other process, which must not end here: they would say good-bye for it, or wait for its threads."""


def sever(connection: _Connected) -> None:
    """Close this process's copy of a socket without a word: what still writes to it writes into nothing."""
    # A broken connection has none any more.
    with suppress(psycopg.Error, ValueError):
        descriptor = connection.fileno()
        nothing = os.open(os.devnull, os.O_RDWR)
        try:
            os.dup2(nothing, descriptor, inheritable=False)
        finally:
            os.close(nothing)


def keep(pool: object) -> None:
    """Keep a pool of the other process as long as this one lives."""
    _INHERITED.append(pool)


def _after_fork() -> None:
    for holder in list(HOLDERS):
        holder.forget()


# Not every server that forks runs this (uWSGI): whoever uses a connection also looks at the process itself.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
