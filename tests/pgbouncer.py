"""A PgBouncer in transaction mode in front of the test server."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.split()[1].split(".")[:2]))


VERSION = _version(PGBOUNCER) if PGBOUNCER is not None else (0,)
KNOWS_PREPARED = VERSION >= (1, 21)
"""Before 1.21, clients that share a connection also share prepared statements, so a test may use only one client."""
SURVIVES = VERSION >= (1, 19)
"""Before 1.19, a client that disconnects during its cancel request can end the next client or PgBouncer itself."""

needs_pgbouncer = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")


@contextmanager
def pgbouncer(url: str, *, prepares: bool) -> Iterator[str]:
    """Yield a URL of the same database for the application's login role. All clients share one server connection."""
    known = conninfo_to_dict(url)
    folder = Path(tempfile.mkdtemp(prefix="bouncer-"))
    (folder / "users").write_text('"skilltree_app" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={known['host']} port={known.get('port', 5432)}\n"
        f"[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {folder}\n"
        f"auth_type = trust\nauth_file = {folder}/users\nlogfile = {folder}/log\n"
        f"pool_mode = transaction\ndefault_pool_size = 1\nserver_login_retry = 0\n"
        f"{'max_prepared_statements = 100' if prepares and KNOWS_PREPARED else ''}\n"
    )
    # PgBouncer refuses to run as root, and only the server's own user may use the socket.
    user = Path(str(known["host"])).owner() if os.geteuid() == 0 else None
    if user:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user)
    process = subprocess.Popen([str(PGBOUNCER), "-q", str(folder / "pgbouncer.ini")], user=user, cwd="/")
    through = f"host={folder} port=6432 user=skilltree_app dbname={known['dbname']}"
    try:
        _wait_for(through)
        yield through
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError):
            psycopg.connect(url).close()
            return
        time.sleep(0.05)
    psycopg.connect(url).close()
