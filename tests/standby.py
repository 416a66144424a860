"""A primary and its streaming standby, with their data in memory. Nothing is flushed to disk."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from backups import Server, until
from layout import lay_out
from skilltree import migrate
from skilltree.backup import programs


class Standby(Server):
    """A standby of a server, which can be promoted."""

    def __init__(self, folder: Path, primary: Server) -> None:
        self.folder, self.version, self.user = folder, primary.version, primary.user
        folder.mkdir(mode=0o711)
        programs.give(folder, self.user)
        source = make_conninfo("", host=str(primary.folder), user="postgres", application_name="standby")
        self.run("pg_basebackup", "-d", source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.write(f"unix_socket_directories='{folder}'\n")
        self.start()
        self.url = make_conninfo(primary.url, host=str(folder))

    def promote(self) -> None:
        self.run("pg_ctl", "-w", "promote")

    def wait_for(self, primary: Server) -> None:
        """Wait until everything that the primary has written is replayed."""
        with psycopg.connect(primary.url) as connection:
            [[position]] = connection.execute("select pg_current_wal_insert_lsn()::text").fetchall()
        with psycopg.connect(self.url, autocommit=True) as connection:
            reached = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
            until(lambda: connection.execute(reached, [position]).fetchone() == (True,))


def crash(server: Server) -> None:
    """Stop a server at once, as if it had lost its power."""
    server.run("pg_ctl", "-w", "-m", "immediate", "stop")


@contextmanager
def pair(version: int) -> Iterator[tuple[Server, Standby]]:
    """Yield a migrated primary and its standby."""
    # The server's user cannot reach pytest's folders.
    place = Path(tempfile.mkdtemp(dir=os.environ["SKILLTREE_TEST_MEMORY"]))
    place.chmod(0o711)
    servers: list[Server] = []
    try:
        primary = Server(place / "one", version)
        servers.append(primary)
        migrate.migrate(primary.url)
        lay_out(primary.url)
        standby = Standby(place / "two", primary)
        servers.append(standby)
        standby.wait_for(primary)
        yield primary, standby
    finally:
        for server in servers:
            if (server.folder / "data" / "postmaster.pid").exists():
                try:
                    crash(server)
                except subprocess.CalledProcessError:
                    continue
        shutil.rmtree(place, ignore_errors=True)
