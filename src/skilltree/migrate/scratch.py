"""Databases that are gone once they have been used, for what is checked against a real server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from psycopg import Connection, sql
from psycopg.conninfo import make_conninfo

from skilltree import embedded, migrate
from skilltree._core.driver_errors import translated
from skilltree._core.urls import checked_url


@contextmanager
def scratch_server() -> Iterator[str]:
    """Yield the URL of the server of ``DATABASE_URL``, or without it of an embedded one that is thrown away."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
    else:
        with embedded.throw_away() as url:
            yield url


@contextmanager
def scratch_database(server: str | None = None, *, migrated: bool = True, folder: Path | None = None) -> Iterator[str]:
    """Yield the URL of a new database, migrated by the files of ``folder``; afterwards it is dropped.

    ``server`` is the URL of any database of a server on which the role may create some. Without it, the one of
    ``scratch_server`` is taken. Roles belong to the whole server: those that migrations make stay.
    """
    if server is None:
        with scratch_server() as started, scratch_database(started, migrated=migrated, folder=folder) as url:
            yield url
        return
    checked_url(server)
    name = f"skilltree_scratch_{uuid4().hex}"
    with translated(), Connection.connect(server, autocommit=True) as connection:
        # Not of template1, to which somebody may have added something.
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            url = make_conninfo(server, dbname=name)
            if migrated:
                migrate.migrate(url, folder=folder)
            yield url
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
