"""Two versions of the code on the database of the newer one. Compatible migrations let the older version start."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from skilltree import Database, migrate
from skilltree.cli import app
from skilltree.migrate.drift import drift
from skilltree.models.enums import SkillProgressStatus
from skilltree.testing import Factory

COMPATIBLE = "-- @compatible\n"
RELEASE = ("queries", "migrations", "src/skilltree")
WORK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID
from skilltree import Database, migrate

url, learners, skills = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
assert str(migrate.folder()) == sys.argv[4]
assert migrate.migrate(url) == []
with Database(url) as db, ThreadPoolExecutor(4) as threads:
    print("ready", flush=True)
    def learn(learner):
        for skill in skills:
            db.as_user(UUID(learner)).progress.complete_skill(UUID(learner), UUID(skill))
    list(threads.map(learn, learners))
    db.users.erase(UUID(learners[0]))
"""


def add(folder: Path, name: str, sql: str, rollback: str = "select 1;") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.sql").write_text(sql)
    (folder / f"{name}.rollback.sql").write_text(rollback)


def remove(folder: Path, name: str) -> None:
    for path in list(folder.glob(f"{name}.*")):
        path.unlink()


def written(url: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        marks = connection.execute("select * from skilltree_migrations order by migration_id").fetchall()
        return migrate.fingerprint(url), marks, connection.execute("select * from _yoyo_log order by id").fetchall()


@pytest.fixture
def older(empty_url: str, tmp_path: Path) -> Path:
    """The folder of an older version, on a database with two compatible migrations of a newer one."""
    add(tmp_path, "0001.a", "create table a (id integer);", "drop table a;")
    add(tmp_path, "0002.b", f"{COMPATIBLE}alter table a add column b integer;", "alter table a drop column b;")
    add(tmp_path, "0003.c", f"{COMPATIBLE}create table c (id integer);", "drop table c;")
    migrate.migrate(empty_url, folder=tmp_path)
    remove(tmp_path, "0002")
    remove(tmp_path, "0003")
    return tmp_path


def test_an_older_version_starts_on_a_database_that_is_ahead_by_compatible_migrations(empty_url, older):
    before = written(empty_url)

    assert migrate.migrate(empty_url, folder=older) == []

    assert written(empty_url) == before
    found = migrate.status(empty_url, folder=older)
    assert [(each.id, each.problem, each.is_ahead) for each in found] == [
        ("0001.a", None, False),
        ("0002.b", None, True),
        ("0003.c", None, True),
    ]


def test_drift_still_names_what_the_older_version_does_not_know(empty_url, older):
    found = drift(empty_url, folder=older)

    assert found.newer == ["0002.b", "0003.c"]
    assert {"column public.a.b", "column public.c.id"} <= {each.object for each in found.differences}


def test_the_older_version_rolls_nothing_back_below_what_it_does_not_know(empty_url, older):
    before = written(empty_url)

    with pytest.raises(migrate.MigrationDeleted, match=r"0002\.b\.sql .* newer version"):
        migrate.rollback(empty_url, folder=older)

    assert written(empty_url) == before


def test_one_incompatible_migration_among_the_newer_ones_is_refused(empty_url, older):
    for name in ("0002.b", "0003.c"):
        add(older, name, f"{COMPATIBLE}select 1;")
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("update skilltree_migrations set is_compatible = false where migration_id = '0003.c'")
    remove(older, "0002")
    remove(older, "0003")
    before = written(empty_url)

    with pytest.raises(migrate.MigrationDeleted, match=r"0003\.c\.sql .* newer version"):
        migrate.migrate(empty_url, folder=older)

    assert written(empty_url) == before
    assert [each.problem for each in migrate.status(empty_url, folder=older)] == [None, None, "newer"]


def test_a_pending_migration_is_not_applied_after_those_of_a_newer_version(empty_url, older):
    add(older, "0001.b", "create table skipped (id integer);")
    before = written(empty_url)

    with pytest.raises(migrate.MigrationDeleted, match=r"0002\.b\.sql .* newer version"):
        migrate.migrate(empty_url, folder=older)

    assert written(empty_url) == before


def test_a_compatible_migration_that_is_older_than_the_newest_file_counts_as_deleted(empty_url, older):
    add(older, "0003.c", f"{COMPATIBLE}create table c (id integer);", "drop table c;")

    with pytest.raises(migrate.MigrationDeleted, match=r"0002\.b\.sql was deleted"):
        migrate.migrate(empty_url, folder=older)


def test_a_table_of_marks_from_before_gets_the_promise_with_the_next_migration(empty_url, older):
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("alter table skilltree_migrations drop column is_compatible")
    with pytest.raises(migrate.MigrationDeleted, match="newer version"):
        migrate.migrate(empty_url, folder=older)
    add(older, "0002.b", f"{COMPATIBLE}alter table a add column b integer;", "alter table a drop column b;")
    add(older, "0003.c", f"{COMPATIBLE}create table c (id integer);", "drop table c;")
    add(older, "0004.d", f"{COMPATIBLE}create table d (id integer);", "drop table d;")

    applied = migrate.migrate(empty_url, folder=older)
    remove(older, "0004")

    assert applied == ["0004.d"]
    assert migrate.migrate(empty_url, folder=older) == []


def test_the_history_of_an_application_keeps_the_promises_of_its_own_files(migrated_url, tmp_path):
    add(tmp_path, "0001.a", "create table a (id integer);", "drop table a;")
    add(tmp_path, "0002.b", f"{COMPATIBLE}create table b (id integer);", "drop table b;")
    migrate.migrate(migrated_url, application=tmp_path)
    remove(tmp_path, "0002")

    assert migrate.migrate(migrated_url, application=tmp_path) == []

    assert [each.id for each in migrate.status(migrated_url, application=tmp_path) if each.is_ahead] == ["0002.b"]


def test_status_shows_a_compatible_newer_migration_and_exits_0(migrated_url):
    name = "9999.of-the-next-version"
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute(
            "insert into _yoyo_migration (migration_hash, migration_id, applied_at_utc) values ('', %s, now())", [name]
        )
        connection.execute(
            "insert into skilltree_migrations (migration_id, checksum, rollback_checksum, is_compatible)"
            " values (%s, '', '', true)",
            [name],
        )

    done = CliRunner().invoke(app, ["status", "--json"], env={"DATABASE_URL": migrated_url})

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)[-1]["problem"] == "newer, compatible"


def test_both_versions_write_at_once_on_the_database_of_the_newer_one(migrated_url, tmp_path):
    """The newer version is this code. The older one is a copy of it without the newest compatible migration."""
    root = Path(__file__).parents[1]
    for part in RELEASE:
        shutil.copytree(root / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    names = sorted({path.name.split(".")[0] for path in migrate.folder().glob("*.sql")})
    newest = names[-1]
    if COMPATIBLE not in next(migrate.folder().glob(f"{newest}.*[!k].sql")).read_text():
        # Then the newer version is one with another migration.
        newest = f"{int(newest) + 1:04}"
        add(tmp_path / "next", f"{newest}.more", f"{COMPATIBLE}alter table skills add column more text;")
        shutil.copytree(tmp_path / "migrations", tmp_path / "next", dirs_exist_ok=True)
        migrate.migrate(migrated_url, folder=tmp_path / "next")
    remove(tmp_path / "migrations", newest)
    with Database(migrated_url) as db, ThreadPoolExecutor(4) as threads:
        make = Factory(db)
        skills = make.tree(*(f"skill {number}" for number in range(12)), needs={}).skills
        learners = [make.learner().id for _ in range(8)]
        halves = [[str(one.id) for one in skills[start::2]] for start in (0, 1)]
        older = subprocess.Popen(
            [
                *(sys.executable, "-c", WORK, migrated_url, " ".join(map(str, learners))),
                *(" ".join(halves[0]), str(tmp_path / "migrations")),
            ],
            env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert older.stdout is not None
        assert older.stdout.readline() == "ready\n", older.communicate()[1]

        def learn(learner):
            for skill in skills[1::2]:
                db.as_user(learner).progress.complete_skill(learner, skill.id)

        list(threads.map(learn, learners[1:]))
        assert older.wait(60) == 0, older.communicate()[1]
        older.communicate()

        assert db.doctor.examine() == []
        for learner in learners[1:]:
            completed = db.progress.list_for_user(learner, status=SkillProgressStatus.COMPLETED)
            assert len(completed.items) == len(skills)
    with psycopg.connect(migrated_url) as connection:
        [[after]] = connection.execute("select after from audit_log where action = 'ANONYMISE'").fetchall()
        assert re.fullmatch("[0-9a-f]{64}", after["account_hash"])
