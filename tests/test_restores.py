"""Databases restored from a dump: on the same server, on one without the roles, and on a newer version."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

import conftest
from skilltree import Database, embedded, migrate
from skilltree.migrate import programs
from skilltree.migrate.drift import _restored, drift
from skilltree.migrate.programs import ProgramTooOld
from skilltree.seed import seed

# A dump without --create does not contain these.
GRANTS = "grants on the database"


def program(version: str, name: str) -> str:
    return f"{conftest.DEBIAN_BINARIES.format(version=15)}/{name}" if version == "15" else embedded.program(name)


@contextmanager
def new_database(server: str) -> Iterator[str]:
    name = f"restored_{uuid4().hex[:8]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def dumped(version: str, url: str, *options: str) -> bytes:
    command = [program(version, "pg_dump"), *options, "--dbname", url]
    return subprocess.run(command, capture_output=True, check=True).stdout


def restore(version: str, url: str, dump: bytes) -> None:
    command = [program(version, "psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "--dbname", url]
    done = subprocess.run(command, input=dump, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def seed_and_learn(url: str) -> None:
    """Seed the database, and let a learner complete the first skills."""
    with Database(url, max_size=2) as db:
        for _ in seed(db):
            pass
        learner = db.users.register(
            email="grace@example.org", username="grace", password="a long password", bcrypt_cost=4
        )
        for tree in db.trees.list().items:
            for skill in db.trees.load(tree.slug, learner.id).skills[:3]:
                if db.progress.can_unlock(learner.id, skill.id):
                    db.progress.complete_skill(learner.id, skill.id, score=100)


def all_rows_fingerprint(url: str) -> dict[str, tuple[int, str]]:
    """Return the number of rows of each table, and a fingerprint of them."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select oid::regclass::text from pg_class where relkind in ('r', 'p') and not relispartition"
            " and relnamespace = 'public'::regnamespace"
        ).fetchall()
        return {
            table: connection.execute(
                # Search vectors are left out: a restore computes them again, and stemmers differ between versions.
                f"select count(*), md5(string_agg(image, ' ' order by image))"
                f" from (select (to_jsonb({table}) - 'search_document')::text as image from {table}) as row_image"
            ).fetchall()[0]
            for (table,) in tables
        }


def assert_healthy(url: str) -> None:
    """Check that a restored database has no drift and no fault, and can be used."""
    found = drift(url)
    assert [each for each in found.differences if each.object != GRANTS] == []
    assert (found.pending, found.edited, found.deleted) == ([], [], [])
    assert all(state.applied_at and not state.problem for state in migrate.status(url))
    with Database(url, max_size=2) as db:
        assert db.doctor.examine() == []
        learner = db.users.register(email="new@example.org", username="new", password="a long password", bcrypt_cost=4)
        skill = next(each for each in db.trees.load("practical-postgresql").skills if not each.dependencies)
        assert db.progress.complete_skill(learner.id, skill.id, score=100).xp_awarded
        assert db.doctor.examine() == []


def test_a_restored_database_has_no_drift(migrated_url, template, request):
    version = request.config.getoption("pg")
    seed_and_learn(migrated_url)
    server = f"host={template.host} user={template.user} dbname=postgres"

    with new_database(server) as url:
        restore(version, url, dumped(version, migrated_url))

        assert all_rows_fingerprint(url) == all_rows_fingerprint(migrated_url)
        assert_healthy(url)


def test_a_restored_database_can_be_dumped_and_restored_again(migrated_url, template, request):
    version = request.config.getoption("pg")
    server = f"host={template.host} user={template.user} dbname=postgres"

    with new_database(server) as first, new_database(server) as second:
        restore(version, first, dumped(version, migrated_url))
        restore(version, second, dumped(version, first))

        assert [each.object for each in drift(second).differences] == [GRANTS]


def test_drift_is_found_in_a_restored_database(migrated_url, template, request):
    version = request.config.getoption("pg")
    server = f"host={template.host} user={template.user} dbname=postgres"

    with new_database(server) as url:
        restore(version, url, dumped(version, migrated_url))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("alter table achievements drop constraint achievements_criteria_form")
            connection.execute(
                "alter table skills add constraint skills_xp_value_small check (xp_value between 0 and 5)"
            )
            connection.execute("alter table users alter column email set (n_distinct = 5)")

        assert {each.object for each in drift(url).differences} == {
            GRANTS,
            "constraint achievements_criteria_form on public.achievements",
            "constraint skills_xp_value_small on public.skills",
            "column public.users.email",
        }


@pytest.fixture
def old_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgreSQL 15, the source of an upgrade."""
    if request.config.getoption("pg") == "15":
        yield f"host={request.getfixturevalue('template').host} user=postgres dbname=postgres"
        return
    if not Path(conftest.DEBIAN_BINARIES.format(version=15)).is_dir():
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    with tempfile.TemporaryDirectory(prefix="skilltree-") as folder:
        host = conftest._start_server("15", Path(folder))
        yield f"host={host} user=postgres dbname=postgres"
        conftest._stop_server("15", Path(folder))


@pytest.fixture
def new_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a PostgreSQL 18, the target of an upgrade."""
    if request.config.getoption("pg") == "18":
        yield f"host={request.getfixturevalue('template').host} user=postgres dbname=postgres"
        return
    with embedded.throw_away() as url:
        yield url


def test_an_upgrade_from_15_to_18_keeps_everything(old_server, new_server):
    with new_database(old_server) as old, new_database(new_server) as new:
        migrate.migrate(old)
        seed_and_learn(old)
        globals_ = [program("18", "pg_dumpall"), "--globals-only", "--dbname", old]
        roles = subprocess.run(globals_, capture_output=True, check=True).stdout
        # The superuser exists already, and perhaps the roles of other tests. psql continues after these errors.
        psql = [program("18", "psql"), "-q", "-X", "--dbname", new_server]
        subprocess.run(psql, input=roles, capture_output=True, check=True)

        # Debian's 15 dumps a column option that no other server knows.
        dump = re.sub(rb"ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver=\d+\);\n", b"", dumped("18", old))
        restore("18", new, dump)

        assert all_rows_fingerprint(new) == all_rows_fingerprint(old)
        assert_healthy(new)


# --- pg_dump ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find_spec", lambda name: None)


def fake_program(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return path


def drop_an_index(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop index idx_skill_position")


def test_a_pg_dump_older_than_the_server_is_reported_with_its_version(migrated_url, no_wheel, tmp_path, monkeypatch):
    old = fake_program(tmp_path / "pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.24'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    drop_an_index(migrated_url)

    with pytest.raises(ProgramTooOld, match=rf"older: {old} \(pg_dump \(PostgreSQL\) 9\.6\.24\). Install the client"):
        drift(migrated_url)


def test_pg_dump_in_the_path_is_used_if_that_of_the_wheel_is_too_old(migrated_url, request, tmp_path, monkeypatch):
    newer = program(request.config.getoption("pg"), "pg_dump")
    fake_program(tmp_path / "pg_dump", f'exec "{newer}" "$@"')
    old = fake_program(tmp_path / "old", "echo 'pg_dump (PostgreSQL) 9.6.24'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(embedded, "program", lambda name: str(old))
    drop_an_index(migrated_url)

    assert "index public.idx_skill_position" in [each.object for each in drift(migrated_url).differences]


def test_lines_of_a_function_that_look_like_psql_commands_are_restored(migrated_url, template):
    body = "\n\\d is no command\n\\restrict x\nSET transaction_timeout = 0;\n\\unrestrict x\n"
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("set check_function_bodies = off")
        connection.execute(sql.SQL("create function plain() returns text language plpgsql as {}").format(body))
        connection.execute(sql.SQL("comment on table skills is {}").format(sql.Literal(f"a{body}b")))

    restored = _restored(migrated_url, f"host={template.host} user={template.user} dbname=postgres")

    found = migrate.fingerprint(migrated_url)
    for name in ("function public.plain()", "comment on table public.skills"):
        assert body in found[name]
        assert restored[name] == found[name]
