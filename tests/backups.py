"""A server of its own, its life of some seconds, and the folder of its backups. Built once for all processes of a run.

The database is that of an application with a table of its own. What happens is a story: a full backup, learners who
work, a backup that is killed, a second backup, a promotion, two erasures, and two accidents. Tests restore moments of
it from copies of the folder, which they may damage.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from pydantic import BaseModel
from typer.testing import CliRunner

from layout import lay_out
from skilltree import Database, migrate
from skilltree.backup import programs
from skilltree.backup.application import Application
from skilltree.backup.folder import Folder
from skilltree.cli import app
from skilltree.cli.backups import own_application
from skilltree.models.ids import UserId
from skilltree.testing import Factory

SKILLTREE = Path(sys.executable).with_name("skilltree")
ROLE = "skilltree_backup"
OWNER = "migrator"

# Rows about a learner which stop an erasure, unless the application's query file deletes them.
PROJECT = {
    "pyproject.toml": """
[tool.skilltree]
migrations = "migrations"
queries = "queries"
repositories = "notes_of_learners"
""",
    "migrations/0001.create-notes.sql": """
create table notes (
    user_id uuid constraint notes_pkey primary key,
    constraint notes_user_id_fkey foreign key (user_id) references users (id)
);
alter table notes enable row level security, force row level security;
create policy notes_service on notes for all to app_service using (true) with check (true);
grant select, insert, delete on notes to app_service;
""",
    "migrations/0001.create-notes.rollback.sql": "drop table notes;",
    "queries/notes/erase.sql": "-- @role app_service\ndelete from notes where notes.user_id = %(user_id)s;",
    "notes_of_learners.py": """
from pathlib import Path
from skilltree import AsyncRepository

class AsyncNotes(AsyncRepository, queries=Path(__file__).parent / "queries", erases=("notes/erase",)):
    pass
""",
}


class Story(BaseModel):
    """What has happened, and when."""

    folder: Path
    ada: UserId
    grace: UserId
    hopper: UserId
    first: str
    second: str
    dump: str
    days: int
    scores: int
    left_by_the_killed_backup: list[str]
    listed_after_the_killed_backup: list[str]
    refused_increment: str
    sound: dict[str, Any]
    damaged: dict[str, Any]
    begun: datetime
    before_promotion: datetime
    before_erasures: datetime
    before_deletion: datetime
    before_drop: datetime
    ended: datetime


class Server:
    """A server with small segments of the log, so that it has many, and without flushing."""

    def __init__(self, folder: Path, version: int) -> None:
        self.folder, self.version = folder, version
        self.user = programs.server_user()
        folder.mkdir(mode=0o711, parents=True)
        programs.give(folder, self.user)
        self.run("initdb", "-U", "postgres", "--auth=trust", "--encoding=utf8", "--wal-segsize=1", "--no-sync")
        settings = ["fsync=off", "full_page_writes=off", "listen_addresses=''", f"unix_socket_directories='{folder}'"]
        settings += ["summarize_wal=on"] if version >= 17 else []
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.write("\n".join(settings) + "\n")
        self.start()
        self.url = make_conninfo("", host=str(folder), user="postgres", dbname="skilltree")
        with psycopg.connect(self.url, dbname="postgres", autocommit=True) as connection:
            # No superuser migrates in production, either.
            connection.execute(f"create role {OWNER} login createrole")
            connection.execute(f"create database skilltree owner {OWNER}")
            # What docs/backup.md recommends: no superuser.
            connection.execute(f"create role {ROLE} login replication bypassrls")
            connection.execute(f"grant pg_read_all_data to {ROLE}")
            connection.execute(f"grant connect on database skilltree to {ROLE}")
        self.backup_url = make_conninfo(self.url, user=ROLE)

    def run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [programs.exact(program, version=self.version), "-D", str(self.folder / "data"), *arguments],
            user=self.user.uid if self.user else None,
            group=self.user.gid if self.user else None,
            extra_groups=[] if self.user else None,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def start(self) -> None:
        self.run("pg_ctl", "-w", "-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-w", "-m", "fast", "stop")

    def promote(self) -> None:
        """Restart as a standby and promote it, as after a fail-over: a new timeline begins."""
        self.stop()
        (self.folder / "data" / "standby.signal").touch()
        self.start()
        self.run("pg_ctl", "-w", "promote")


def skilltree(url: str, folder: Folder, *arguments: str, code: int = 0) -> Any:
    """Run a command in the folder of the project, and return its JSON."""
    with chdir(project()):
        done = CliRunner().invoke(app, [*arguments, "--json"], env=environment(url, folder))
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def project() -> Path:
    """Return the folder of the application, which the story writes."""
    return Path(os.environ["SKILLTREE_TEST_MEMORY"]) / "project"


def application() -> Application:
    with chdir(project()):
        return own_application()


def command(*arguments: str) -> list[str]:
    return [str(SKILLTREE), *arguments]


def environment(url: str, folder: Folder) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": url, "SKILLTREE_BACKUPS": str(folder.path)}


@contextmanager
def receiving(url: str, folder: Folder) -> Iterator[None]:
    with subprocess.Popen(command("backup", "wal", "--every", "0.2"), env=environment(url, folder)) as receiver:
        until(lambda: receiver.poll() is not None or any(folder.wal.glob("*.partial")))
        try:
            yield
        finally:
            receiver.terminate()
            assert receiver.wait(20) == 130


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 30 s")


def now() -> datetime:
    """Return a moment that lies between what was committed and what will be."""
    time.sleep(0.02)
    moment = datetime.now(UTC)
    time.sleep(0.02)
    return moment


def tell(place: Path, version: int) -> Story:
    """Let the story happen, and stop the server."""
    for name, content in PROJECT.items():
        file = project() / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    # The server's user cannot reach pytest's folders.
    with tempfile.TemporaryDirectory(dir=os.environ["SKILLTREE_TEST_MEMORY"]) as name:
        Path(name).chmod(0o711)
        server = Server(Path(name) / "source", version)
        try:
            migrate.migrate(make_conninfo(server.url, user=OWNER), application=application().migrations)
            lay_out(make_conninfo(server.url, user=OWNER))
            with Database(server.url, max_size=1) as db:
                return _tell(server, Folder(place), db)
        finally:
            server.stop()


def _tell(server: Server, folder: Folder, db: Database) -> Story:
    def learner(name: str) -> UserId:
        return db.users.register(
            email=f"{name}@example.org", username=name, password="a long password", bcrypt_cost=4
        ).id

    url, has_increments, facts = server.backup_url, server.version >= 17, {}
    skills = Factory(db).tree("dough", "loaf", "oven").skills
    ada, grace, hopper = map(learner, ("ada", "grace", "hopper"))
    db.hooks = application().hooks
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("insert into notes select users.id from users")
    facts["begun"] = now()
    # All its rows are on the visibility map when the first backup is taken, and half of them move before the second.
    with psycopg.connect(server.url, dbname="postgres", autocommit=True) as connection:
        connection.execute(
            "create table moving with (autovacuum_enabled = off) as select generate_series(1, 2000) as a"
        )
        connection.execute("create index on moving (a)")
        connection.execute("vacuum (freeze) moving")
    with receiving(url, folder):
        facts["refused_increment"] = skilltree(url, folder, "backup", "incremental", code=1)["error"]["message"]
        [first] = skilltree(url, folder, "backup", "full")
        db.progress.complete_skill(ada, skills[0].id)
        with psycopg.connect(server.url, dbname="postgres", autocommit=True) as connection:
            connection.execute("update moving set a = a + 1000000 where a <= 1000")
        _kill_a_backup(url, folder)
        facts["left_by_the_killed_backup"] = [each.name for each in (folder.path / "unfinished").iterdir()]
        facts["listed_after_the_killed_backup"] = [each["backup"] for each in skilltree(url, folder, "backup", "list")]
        [second] = skilltree(url, folder, "backup", "incremental" if has_increments else "full")
        [dump] = skilltree(url, folder, "backup", "dump")
        facts["sound"] = skilltree(url, folder, "drill")
        facts["before_promotion"] = now()
    server.promote()
    with receiving(url, folder):
        db.progress.complete_skill(ada, skills[1].id)
        facts["before_erasures"] = now()
        db.users.erase(grace)
        db.users.delete(hopper)
        until(lambda: folder.erasures.read_text().count("\n") == 2)
        facts["before_deletion"] = now()
        with psycopg.connect(server.url, autocommit=True) as connection:
            facts["days"], facts["scores"] = connection.execute(
                "select (select count(*) from user_activity_days), (select count(*) from user_scores)"
            ).fetchall()[0]
            connection.execute("delete from user_activity_days")
            facts["before_drop"] = now()
            connection.execute("drop table user_scores cascade")
            # Enough of the log that a whole segment may be lost or damaged in the middle.
            for _ in range(30):
                connection.execute("select pg_logical_emit_message(true, 'noise', repeat(random()::text, 6000))")
        facts["ended"] = now()
        facts["damaged"] = skilltree(url, folder, "drill", code=1)
    return Story(
        folder=folder.path,
        ada=ada,
        grace=grace,
        hopper=hopper,
        first=first["backup"],
        second=second["backup"],
        dump=dump["backup"],
        **facts,
    )


def _kill_a_backup(url: str, folder: Folder) -> None:
    with subprocess.Popen(
        command("backup", "full"), env=environment(url, folder), stdout=subprocess.DEVNULL, start_new_session=True
    ) as backup:
        until(lambda: any((folder.path / "unfinished").glob("*/data/base")))
        os.killpg(backup.pid, signal.SIGKILL)
