"""Temporary databases for checks against a real server."""

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
    """Yield the URL of the server of ``DATABASE_URL``, or without it, of a temporary embedded server."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
    else:
        with embedded.throw_away() as url:
            yield url


@contextmanager
def scratch_database(
    server: str | None = None, *, migrated: bool = True, folder: Path | None = None, application: Path | None = None
) -> Iterator[str]:
    """Yield the URL of a new database with SkillTree's migrations, and those of the folder ``application``.

    It is dropped afterwards. ``folder`` replaces the folder of SkillTree's migrations.

    ``server`` is the URL of any database on a server where the role may create databases; the default is
    ``scratch_server``. Roles belong to the whole server: those that the migrations create stay.
    """
    if server is None:
        with (
            scratch_server() as started,
            scratch_database(started, migrated=migrated, folder=folder, application=application) as url,
        ):
            yield url
        return
    checked_url(server)
    name = f"skilltree_scratch_{uuid4().hex}"
    with translated(), Connection.connect(server, autocommit=True) as connection:
        # Not template1, which may have been changed.
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
        try:
            url = make_conninfo(server, dbname=name)
            if migrated:
                migrate.migrate(url, application=application, folder=folder)
            yield url
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
