"""Temporary databases for measurements."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from skilltree import embedded

# The data is temporary and need not reach the disk. Autovacuum would run at another moment on each machine.
_SETTINGS = (
    "fsync = off",
    "synchronous_commit = off",
    "full_page_writes = off",
    "max_wal_size = '4GB'",
    "autovacuum = off",
)
# Plans must not depend on the number of cores.
_OPTIONS = "-c max_parallel_workers_per_gather=0 -c jit=off"


@contextmanager
def throw_away() -> Iterator[str]:
    """Yield the URL of an empty database: on a new embedded server, or on that of ``DATABASE_URL``."""
    given = os.environ.get("DATABASE_URL")
    with _database_of(given) if given else _embedded() as url:
        yield url


def measured(url: str) -> Connection[tuple[object, ...]]:
    """Connect with settings that give the same plans on every machine."""
    return Connection.connect(url, autocommit=True, prepare_threshold=None, options=_OPTIONS)


@contextmanager
def _embedded() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="skilltree-budgets-"))
    try:
        url = embedded.start(folder=folder, database="budgets")
        with Connection.connect(url, autocommit=True) as connection:
            for setting in _SETTINGS:
                connection.execute(f"alter system set {setting}".encode())
            connection.execute("select pg_reload_conf()")
        yield url
    finally:
        embedded.stop(folder=folder)
        shutil.rmtree(folder)


@contextmanager
def _database_of(url: str) -> Iterator[str]:
    name = f"skilltree_budgets_{uuid4().hex[:8]}"
    with Connection.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(url, dbname=name)
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
