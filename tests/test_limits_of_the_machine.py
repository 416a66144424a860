"""The server's disk is full, its connections are used up, or its memory is gone. Nothing acknowledged is lost.

The disk is a small tmpfs, so this needs the right to mount one. The server is on it with all its data and its log.
"""

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from backups import Server, until
from drift import drift
from skilltree import Database, migrate
from skilltree._core.driver_errors import is_unanswered, translated
from skilltree.backup import dumps
from skilltree.backup.folder import Folder, write_whole
from skilltree.errors import DatabaseFailure, OutcomeUnknown, ServerExhausted, ServerUnavailable
from skilltree.models.ids import SkillId, UserId
from skilltree.testing import Factory

Work = tuple[UserId, SkillId]
DISK_SIZE = "64m"


class Disk:
    """A small disk, which can be filled and freed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        size = 1 << 20
        with self._ballast.open("ab", buffering=0) as file:
            while size >= 512:
                try:
                    file.write(b"x" * size)
                except OSError:
                    size //= 2

    def free(self, size: int | None = None) -> None:
        """Make room for so many bytes; without a size, for all."""
        os.truncate(self._ballast, 0 if size is None else self._ballast.stat().st_size - size)


@pytest.fixture
def disk(place: Path) -> Iterator[Disk]:
    path = place / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE},mode=0711", "tmpfs", str(path)]
    if shutil.which("mount") is None or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount the small disk")
    yield Disk(path)
    subprocess.run(["umount", str(path)], check=True)


@pytest.fixture
def server(request: pytest.FixtureRequest, place: Path) -> Iterator[Server]:
    yield from _migrated(place / "server", int(request.config.getoption("pg")))


@pytest.fixture
def server_on_disk(request: pytest.FixtureRequest, disk: Disk) -> Iterator[Server]:
    yield from _migrated(disk.path / "server", int(request.config.getoption("pg")))


def _migrated(folder: Path, version: int) -> Iterator[Server]:
    server = Server(folder, version)
    try:
        migrate.migrate(server.url)
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.run("pg_ctl", "-w", "-m", "immediate", "stop")


def assign(db: Database) -> list[Work]:
    """Return skills to complete, each with its learner."""
    make = Factory(db)
    skills = [one.id for one in make.tree(*(f"skill {number}" for number in range(20)), needs={}).skills]
    return list(product([make.learner().id for _ in range(100)], skills))


def completed(server: Server) -> set[tuple[Any, ...]]:
    with psycopg.connect(server.url) as connection:
        statement = "select user_id, skill_id from user_skill_progress where status = 'COMPLETED'"
        return set(connection.execute(statement))


def complete_until_it_fails(db: Database, work: list[Work], done: set[Work]) -> DatabaseFailure:
    """Complete skills until one fails, which stays in the list."""
    while True:
        try:
            db.as_user(work[-1][0]).progress.complete_skill(*work[-1])
        except DatabaseFailure as error:
            return error
        done.add(work.pop())


def is_served(db: Database, work: Work) -> bool:
    try:
        db.as_user(work[0]).progress.complete_skill(*work)
    except ServerUnavailable:
        return False
    return True


def is_up(server: Server) -> bool:
    """Return whether the server takes connections. Start it if it had no room to recover from its crash."""
    if not (server.folder / "data" / "postmaster.pid").exists():
        server.start()
    try:
        psycopg.connect(server.url).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_full_disk_refuses_the_work_by_name_and_all_is_well_when_there_is_room(
    disk: Disk, server_on_disk: Server
) -> None:
    server, done = server_on_disk, set[Work]()
    with Database(server.url, min_size=1, max_size=2) as db:
        work = assign(db)
        folder = Folder(disk.path / "backups")
        dumps.dump(server.backup_url, folder)
        [kept] = folder.records()
        disk.fill()

        error = complete_until_it_fails(db, work, done)
        refused = work[-1]

        assert type(error) is ServerExhausted
        assert error.sqlstate == "53100"
        assert "runbook" in str(error)
        assert completed(server) == done
        assert db.users.get(refused[0]).id == refused[0]
        with pytest.raises(ServerExhausted, match="No space left on device"):
            dumps.dump(server.backup_url, folder)
        assert folder.records() == [kept]
        assert list((folder.path / "unfinished").iterdir()) == []
        with pytest.raises(OSError, match="No space left on device"):
            write_whole(folder.path / "new", "text")
        assert list(folder.path.glob("new*")) == []

        disk.free()

        assert is_served(db, refused)
        assert completed(server) == {*done, refused}
        assert db.doctor.examine() == []


def test_without_room_for_its_log_the_server_stops_and_the_outcome_of_a_commit_is_unknown(
    disk: Disk, server_on_disk: Server
) -> None:
    server, done = server_on_disk, set[Work]()
    with Database(server.url, min_size=1, max_size=2) as db:
        work = assign(db)
        with psycopg.connect(server.url, autocommit=True) as connection:
            disk.fill()
            noise = "select pg_logical_emit_message(false, 'noise', repeat('x', 100000))"
            with pytest.raises(psycopg.Error) as refused:
                for _ in range(1000):
                    connection.execute(noise)
        # A PANIC has an SQLSTATE, but does not say whether a commit is in the log.
        assert refused.value.sqlstate == "53100"
        assert is_unanswered(refused.value)
        with pytest.raises(ServerUnavailable, match="the server has crashed"), translated():
            raise refused.value
        # The server cannot recover without room, and stays down.
        until(lambda: not (server.folder / "data" / "postmaster.pid").exists())
        assert type(complete_until_it_fails(db, work, done)) in {ServerUnavailable, OutcomeUnknown}

        disk.free()
        server.start()

        until(lambda: is_served(db, work[-1]))
        assert completed(server) == {*done, work[-1]}
        assert db.doctor.examine() == []


def test_migrations_that_a_full_disk_has_stopped_can_be_repeated(request: pytest.FixtureRequest, disk: Disk) -> None:
    server = Server(disk.path / "server", int(request.config.getoption("pg")))
    try:
        disk.fill()
        disk.free(3 << 20)
        with pytest.raises(Exception, match="No space left on device"):
            migrate.migrate(server.url)

        disk.free()
        until(lambda: is_up(server))
        migrate.migrate(server.url)

        with Database(server.url, max_size=1) as db, psycopg.connect(server.url) as connection:
            assert is_served(db, assign(db)[0])
            assert drift(connection) == {}
    finally:
        server.run("pg_ctl", "-w", "-m", "immediate", "stop")


def test_without_free_connections_the_pool_works_with_those_it_has(server: Server) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("alter system set max_connections = 12")
        connection.execute("alter system set max_wal_senders = 2")
    server.stop()
    server.start()
    url = make_conninfo(server.url, user="skilltree_app")
    with Database(server.url, max_size=1) as owner, ExitStack() as others:
        learner, skill = assign(owner)[0]
        with Database(url, min_size=1, max_size=8, timeout=10) as db:
            with pytest.raises(psycopg.OperationalError, match="remaining connection slots"):
                while True:
                    others.enter_context(psycopg.connect(url))
            with pytest.raises(ServerUnavailable, match="remaining connection slots"), Database(url):
                pass

            for _ in range(3):
                db.as_user(learner).progress.complete_skill(learner, skill)

            others.close()
            with ExitStack() as units:
                for _ in range(3):
                    units.enter_context(db.as_service())
            assert owner.doctor.examine() == []


def test_a_statement_that_needs_too_much_of_the_disk_is_refused_by_name(server: Server) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("set temp_file_limit = '1MB'")
        connection.execute("set work_mem = '64kB'")

        with pytest.raises(ServerExhausted, match="temporary file size exceeds") as refused, translated():
            connection.execute("select i from generate_series(1, 500000) as i order by -i limit 1 offset 400000")

        assert refused.value.sqlstate == "53400"
        assert connection.execute("select 1").fetchall() == [(1,)]


def test_a_statement_that_needs_too_much_memory_is_refused_by_name(server: Server) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        pid = connection.info.backend_pid
        used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        # Only the server's own user may limit its processes.
        subprocess.run(
            ["prlimit", f"--pid={pid}", f"--as={used + (16 << 20)}:"],
            user=server.user.uid if server.user else None,
            group=server.user.gid if server.user else None,
            extra_groups=[] if server.user else None,
            check=True,
        )

        with pytest.raises(ServerExhausted, match="out of memory") as refused, translated():
            connection.execute("select length(string_agg(repeat('x', 1000000), '')) from generate_series(1, 200)")

        assert refused.value.sqlstate == "53200"
        assert connection.execute("select 1").fetchall() == [(1,)]


def test_a_session_killed_for_its_memory_ends_all_sessions_and_the_pool_opens_new_ones(server: Server) -> None:
    with Database(server.url, min_size=3, max_size=3) as db:
        work = assign(db)
        done = {work.pop() for _ in range(3)}
        for learner, skill in done:
            db.as_user(learner).progress.complete_skill(learner, skill)
        with psycopg.connect(server.url) as victim, pytest.raises(ServerUnavailable), db.transaction() as unit:
            unit.users.get(work[-1][0])
            os.kill(victim.info.backend_pid, signal.SIGKILL)
            connection = unit._connection
            assert connection is not None
            until(lambda: not Path(f"/proc/{connection.info.backend_pid}").exists())
            unit.users.get(work[-1][0])

        until(lambda: is_served(db, work[-1]))
        assert completed(server) == {*done, work[-1]}
        assert db.doctor.examine() == []
