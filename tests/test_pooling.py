"""The generated configuration of PgBouncer, with the PgBouncer that is installed. Each pair of roles has a password."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from conftest import _start_server, _stop_server
from pgbouncer import KNOWS_PREPARED, PGBOUNCER, VERSION, needs_pgbouncer
from skilltree import Database, migrate
from skilltree.cli import app
from skilltree.errors import ServerUnavailable
from skilltree.testing import Factory

pytestmark = needs_pgbouncer

HBA = """\
local all postgres trust
local all all scram-sha-256
"""


class Pooled(NamedTuple):
    """The server itself, and the way through PgBouncer."""

    server: str
    through: str
    prepares: bool

    def database(self, password: str = "first") -> Database:  # noqa: S107 (of a test)
        return Database(
            make_conninfo(self.through, user="skilltree_app", password=password),
            prepare_threshold=2 if self.prepares else None,
            max_size=2,
            attempts=1,
        )


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["pgbouncer", *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


def _set_up(server: str) -> None:
    """Migrate and set both passwords by the script of the containers."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DATABASE_URL": server,
        "APP_PASSWORD": "first",
        "POOLER_PASSWORD": "of the pooler",
    }
    script = Path(__file__).parents[1] / "deploy" / "set-up.sh"
    subprocess.run([script], env=environment, check=True, stdout=subprocess.DEVNULL)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module", params=["unprepared", "prepared"] if KNOWS_PREPARED else ["unprepared"])
def pooled(request: pytest.FixtureRequest) -> Iterator[Pooled]:
    """A server that asks for passwords, and PgBouncer with exactly the printed configuration, but for its port."""
    version, place = request.config.getoption("pg"), Path(tempfile.mkdtemp(prefix="skilltree-"))
    host = _start_server(version, place)
    with _started(host, request.param) as pooled:
        yield pooled
    _stop_server(version, place)
    shutil.rmtree(place)


@contextmanager
def _started(host: str, prepared: str) -> Iterator[Pooled]:
    way = f"--{prepared}"
    admin = make_conninfo("", host=host, user="postgres", dbname="postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("create database learning")
        server = make_conninfo(admin, dbname="learning")
        _set_up(server)
        [[hba]] = connection.execute("show hba_file").fetchall()
        Path(hba).write_text(HBA)
        connection.execute("select pg_reload_conf()")
    # Once more in the database postgres, or in that of the application.
    with psycopg.connect(admin if prepared == "prepared" else server) as connection:
        connection.execute(printed(way, "--sql", "--database", "learning").encode())
    folder = Path(tempfile.mkdtemp(prefix="bouncer-"))
    port = free_port()
    ini = printed(
        way, "--host", host, "--database", "learning", "--auth-file", str(folder / "users"), "--pool-size", "2"
    )
    (folder / "users").write_text('"pgbouncer" "of the pooler"\n')
    (folder / "pgbouncer.ini").write_text(
        ini.replace("6432", str(port)) + f"unix_socket_dir =\nlogfile = {folder}/log\n"
    )
    user = Path(host).owner() if os.geteuid() == 0 else None
    if user:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user)
    process = subprocess.Popen([str(PGBOUNCER), "-q", str(folder / "pgbouncer.ini")], user=user, cwd="/")
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            break
        time.sleep(0.05)
    through = make_conninfo("", host="127.0.0.1", port=port, dbname="learning")
    try:
        yield Pooled(server, through, prepared == "prepared")
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def test_learners_work_through_the_printed_configuration(pooled):
    with Database(pooled.server) as owner:
        make = Factory(owner)
        skills = make.tree("a", "b").skills
        ada = make.learner().id

    with pooled.database() as db:
        for skill in skills:
            db.as_user(ada).progress.complete_skill(ada, skill.id)
        for _ in range(6):
            assert db.as_user(ada).users.get(ada).id == ada

    with Database(pooled.server) as owner:
        assert len(owner.progress.list_for_user(ada).items) == len(skills)
        assert owner.doctor.examine() == []
    with psycopg.connect(pooled.server) as connection:
        [[sessions]] = connection.execute(
            "select count(*) from pg_stat_activity where usename = 'skilltree_app'"
        ).fetchall()
        assert 1 <= sessions <= 2


def test_a_new_password_holds_at_once_and_the_old_one_not_any_more(pooled):
    with pooled.database() as db:
        db.categories.list()
    with psycopg.connect(pooled.server, autocommit=True) as connection:
        connection.execute("alter role skilltree_app password 'second'")

    with pooled.database("second") as db:
        db.categories.list()
    with psycopg.connect(pooled.server, autocommit=True) as connection:
        connection.execute("alter role skilltree_app password 'third'")
    with pytest.raises(ServerUnavailable, match=r"(?i)password authentication failed|SASL authentication failed"):
        pooled.database("second").open()
    with psycopg.connect(pooled.server, autocommit=True) as connection:
        connection.execute("alter role skilltree_app password 'first'")


def test_only_the_applications_roles_come_through(pooled):
    with psycopg.connect(pooled.server, autocommit=True) as connection:
        connection.execute("alter role postgres password 'first'")
        connection.execute("create role stranger login password 'first'")
        connection.execute("create role expired login password 'first' valid until '2020-01-01' in role app_user")

    for role in ("postgres", "stranger", "expired"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(make_conninfo(pooled.through, user=role, password="first"))
    psycopg.connect(make_conninfo(pooled.through, user="skilltree_app", password="first")).close()


def test_the_role_of_the_pooler_may_do_nothing_else_and_nobody_else_may_look_up(pooled):
    lookup = "select * from pgbouncer.look_up('skilltree_app')"
    place = make_conninfo(pooled.server, dbname="postgres") if pooled.prepares else pooled.server

    with psycopg.connect(make_conninfo(place, user="pgbouncer", password="of the pooler"), autocommit=True) as pooler:
        [[name, secret]] = pooler.execute(lookup).fetchall()
        assert (name, secret[:13]) == ("skilltree_app", "SCRAM-SHA-256")
        assert pooler.execute("select * from pgbouncer.look_up('postgres')").fetchall() == []
        for statement in ("select * from pg_authid", "create table public.a ()", "create table pgbouncer.a ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                pooler.execute(statement)
    with (
        psycopg.connect(make_conninfo(place, user="skilltree_app", password="first")) as learner,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        learner.execute(lookup)


def test_the_applications_database_is_as_migrated_where_passwords_are_looked_up_elsewhere(pooled):
    strange = [name for name in migrate.fingerprint(pooled.server) if "pgbouncer" in name]

    assert bool(strange) != pooled.prepares


@pytest.mark.parametrize("way", ["--prepared", "--unprepared"])
def test_only_the_configuration_for_newer_versions_has_their_settings(way):
    newer = set(re.findall(r"^(max_prepared_statements|auth_dbname)", printed(way), re.MULTILINE))

    assert newer == ({"max_prepared_statements", "auth_dbname"} if way == "--prepared" else set())


def test_an_older_version_refuses_the_configuration_for_newer_ones(tmp_path):
    (tmp_path / "pgbouncer.ini").write_text(printed("--prepared", "--auth-file", "/dev/null") + "bad = 1\n")

    # As another user than root, it would start: the last line keeps newer versions from it.
    done = subprocess.run(
        [str(PGBOUNCER), str(tmp_path / "pgbouncer.ini")], capture_output=True, text=True, check=False
    )

    assert done.returncode
    assert ("max_prepared_statements" in done.stderr) == (VERSION < (1, 21))
    assert ("pgbouncer/bad" in done.stderr) == (VERSION >= (1, 21))
