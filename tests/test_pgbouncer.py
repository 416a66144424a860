"""Behind PgBouncer in transaction mode, where clients share a connection to the server: nobody sees another's rows."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from _async.ends import ENDS, check_nothing_is_left
from _sync.calls import Belongings, add_belongings, add_course
from skilltree import AsyncDatabase, Database
from skilltree.errors import UserNotFound


def version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.split()[1].split(".")[:2]))


PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
KNOWS_PREPARED = PGBOUNCER is not None and version(PGBOUNCER) >= (1, 21)
"""Before 1.21, what one client prepares is another's, too, if they share a connection: then one client is alone."""

# Those that end by what the test itself does to the server need a connection of their own.
THROUGH = [
    "normally",
    "as the service",
    "by an exception",
    "by a refusal",
    "by an error of the server",
    "by an error before anything is sent",
]

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")


@pytest.fixture
def people(migrated_url: str) -> tuple[Belongings, Belongings]:
    with Database(migrated_url) as db:
        course = add_course(db)
        return add_belongings(db, "ada", course), add_belongings(db, "grace", course)


@pytest.fixture(params=["unprepared", "prepared"])
def pooled(request: pytest.FixtureRequest, migrated_url: str) -> Iterator[tuple[str, int | None]]:
    """The URL of a PgBouncer with one connection to the server, and after how many runs a client prepares."""
    known = conninfo_to_dict(migrated_url)
    prepares = request.param == "prepared"
    folder = Path(tempfile.mkdtemp(prefix="bouncer-"))
    (folder / "users").write_text('"skilltree_app" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={known['host']} port={known.get('port', 5432)}\n"
        f"[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {folder}\n"
        f"auth_type = trust\nauth_file = {folder}/users\nlogfile = {folder}/log\n"
        f"pool_mode = transaction\ndefault_pool_size = 1\n"
        f"{'max_prepared_statements = 100' if prepares and KNOWS_PREPARED else ''}\n"
    )
    # It refuses to run as root, and only the server's own user may reach the socket.
    user = Path(known["host"]).owner() if os.geteuid() == 0 else None
    if user:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user)
    process = subprocess.Popen([str(PGBOUNCER), "-q", str(folder / "pgbouncer.ini")], user=user, cwd="/")
    url = f"host={folder} port=6432 user=skilltree_app dbname={known['dbname']}"
    try:
        wait_for(url)
        yield url, 5 if prepares else None
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError):
            psycopg.connect(url).close()
            return
        time.sleep(0.05)
    psycopg.connect(url).close()


@pytest.mark.parametrize("end", THROUGH)
async def test_nothing_is_left_of_work_that_ends(migrated_url, pooled, people, end):
    url, prepare_threshold = pooled
    ada, grace = people

    async with (
        AsyncDatabase(url, max_size=1, timeout=5, prepare_threshold=prepare_threshold) as db,
        await psycopg.AsyncConnection.connect(migrated_url, autocommit=True) as connection,
    ):
        for _ in range(7):
            await ENDS[end](db, connection, ada)
            await check_nothing_is_left(db, ada, grace)

    with Database(migrated_url) as owner:
        assert owner.doctor.examine() == []


async def test_learners_who_share_a_connection_see_what_is_their_own(pooled, people):
    url, prepare_threshold = pooled
    if not KNOWS_PREPARED:
        prepare_threshold = None

    async def work(of: Belongings, other: Belongings) -> None:
        async with AsyncDatabase(url, max_size=2, timeout=20, prepare_threshold=prepare_threshold) as db:
            for _ in range(25):
                me = db.as_user(of.user_id)
                assert (await me.users.get(of.user_id)).email == of.email
                with pytest.raises(UserNotFound):
                    await me.users.get(other.user_id)
                with pytest.raises(UserNotFound):
                    await db.users.get(of.user_id)
                async with db.as_user(of.user_id) as unit:
                    await unit.progress.record_activity(of.user_id, of.begun_id, minutes=1)
                    assert await unit.progress.for_skill(other.user_id, other.begun_id) is None

    ada, grace = people
    await asyncio.gather(work(ada, grace), work(grace, ada))
