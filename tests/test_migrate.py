import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pglast
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from typer.testing import CliRunner

from skilltree import errors, migrate
from skilltree.cli import app
from skilltree.migrate.drift import drift

OUR_FILES = sorted(migrate.folder().glob("*.sql"))
OUR_IDS = [file.stem for file in OUR_FILES if not file.stem.endswith(".rollback")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for migrations."""
    made = tmp_path / "migrations"
    made.mkdir()
    return made


def add(folder: Path, name: str, sql: str, rollback: str = "select 1;") -> Path:
    """Add a migration, and return its file."""
    file = folder / f"{name}.sql"
    file.write_text(sql)
    (folder / f"{name}.rollback.sql").write_text(rollback)
    return file


def run(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)


def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql).fetchall()


def tables(url: str) -> list[str]:
    found = rows(url, "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'")
    return sorted(str(name) for (name,) in found)


def written(url: str) -> dict[str, object]:
    """Return everything that a migration can change: the schema, and the rows of all tables."""
    contents = {table: sorted(map(str, rows(url, f'select * from "{table}"'))) for table in tables(url)}
    return {**migrate.fingerprint(url), **contents}


def applied(url: str, folder: Path) -> list[str]:
    return [migration.id for migration in migrate.status(url, folder=folder) if migration.applied_at is not None]


def sleeping_sessions(url: str) -> list[tuple[object, ...]]:
    """Return the pids of this database's sessions that are in pg_sleep()."""
    return rows(url, "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'")


def wait_until(condition: Callable[[], object], *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.05)


@contextmanager
def process(url: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Migrate in another process, which prints the ids of the migrations that it applied."""
    code = (
        "import sys, pathlib, skilltree.migrate as m; print(*m.migrate(sys.argv[1], folder=pathlib.Path(sys.argv[2])))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", code, url, str(folder)], stdout=subprocess.PIPE, text=True, env=environment
    ) as started:
        try:
            yield started
        finally:
            started.kill()


@contextmanager
def role(url: str, *grants: str) -> Iterator[str]:
    """Create a role with these grants, and yield the URL of the database for it."""
    name = f"mig_{uuid4().hex}"
    run(url, f"create role {name}")
    try:
        for grant in grants:
            run(url, f"grant {grant} to {name}")
        yield make_conninfo(url, options=f"-c role={name}")
    finally:
        run(url, f"drop owned by {name}")
        run(url, f"drop role {name}")


# --- applying and rolling back ---------------------------------------------------------------------------------------


def test_migrations_are_applied_in_order_and_only_once(empty_url, folder):
    add(folder, "0002.b", "create table b (a_id integer references a (id));")
    add(folder, "0001.a", "create table a (id integer primary key);")

    first = migrate.migrate(empty_url, folder=folder)
    second = migrate.migrate(empty_url, folder=folder)

    assert first == ["0001.a", "0002.b"]
    assert second == []


def test_a_migration_waits_for_the_one_it_depends_on(empty_url, folder):
    add(folder, "0001.b", "-- depends: 0002.a\ncreate table b (a_id integer references a (id));")
    add(folder, "0002.a", "create table a (id integer primary key);")

    result = migrate.migrate(empty_url, folder=folder)

    assert result == ["0002.a", "0001.b"]


def test_callbacks_get_each_id_when_it_is_applied_and_rolled_back(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    add(folder, "0002.b", "create table b (id integer);", "drop table b;")
    told: list[tuple[str, list[str]]] = []

    migrate.migrate(empty_url, folder=folder, applied=lambda name: told.append((name, applied(empty_url, folder))))
    migrate.rollback(
        empty_url, folder=folder, count=None, applied=lambda name: told.append((name, applied(empty_url, folder)))
    )

    assert told == [("0001.a", ["0001.a"]), ("0002.b", ["0001.a", "0002.b"]), ("0002.b", ["0001.a"]), ("0001.a", [])]


def test_rollback_starts_with_the_latest_migration(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    add(folder, "0003.c", "create table c (id integer);", "drop table c;")
    migrate.migrate(empty_url, folder=folder)
    add(folder, "0002.late", "create table late (id integer);", "drop table late;")
    migrate.migrate(empty_url, folder=folder)

    one = migrate.rollback(empty_url, folder=folder)
    rest = migrate.rollback(empty_url, folder=folder, count=None)

    assert one == ["0002.late"]
    assert rest == ["0003.c", "0001.a"]


def test_rolling_back_more_than_applied_rolls_back_everything(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    migrate.migrate(empty_url, folder=folder)

    result = migrate.rollback(empty_url, folder=folder, count=5)

    assert result == ["0001.a"]
    assert migrate.rollback(empty_url, folder=folder) == []


def test_rolling_back_an_empty_database_does_nothing(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")

    assert migrate.rollback(empty_url, folder=folder, count=None) == []
    assert tables(empty_url) == []


def test_a_negative_count_is_refused(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    migrate.migrate(empty_url, folder=folder)

    with pytest.raises(errors.InvalidValue, match="-1"):
        migrate.rollback(empty_url, folder=folder, count=-1)

    assert "a" in tables(empty_url)


@pytest.mark.parametrize("forward", ["select 1;", "select 1; select 2; select 3; select 4;"])
def test_a_rollback_file_runs_from_top_to_bottom(empty_url, folder, forward):
    run(empty_url, "create table trace (place integer generated always as identity, step text)")
    steps = [f"insert into trace (step) values ('{step}');" for step in ("first", "second", "third")]
    add(folder, "0001.a", forward, "\n".join(steps))
    migrate.migrate(empty_url, folder=folder)

    migrate.rollback(empty_url, folder=folder)

    assert rows(empty_url, "select step from trace order by place") == [("first",), ("second",), ("third",)]


def test_a_migration_edited_after_its_rollback_can_be_applied_again(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    migrate.migrate(empty_url, folder=folder)
    migrate.rollback(empty_url, folder=folder)
    add(folder, "0001.a", "create table better (id integer);", "drop table better;")

    result = migrate.migrate(empty_url, folder=folder)

    assert result == ["0001.a"]
    assert [migration.problem for migration in migrate.status(empty_url, folder=folder)] == [None]


def test_a_user_without_a_name_in_the_system_can_migrate(empty_url, folder, monkeypatch):
    def unknown() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", unknown)
    add(folder, "0001.a", "create table a (id integer);")

    assert migrate.migrate(empty_url, folder=folder) == ["0001.a"]


def test_a_url_may_have_either_form(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    parts = conninfo_to_dict(empty_url)
    url = f"postgresql://{parts['user']}:@/{parts['dbname']}?host={parts['host']}"

    result = migrate.migrate(url, folder=folder)

    assert result == ["0001.a"]
    assert migrate.rollback(empty_url, folder=folder) == ["0001.a"]


def test_the_name_of_a_folder_may_contain_brackets(empty_url, tmp_path):
    folder = tmp_path / "release [1]"
    folder.mkdir()
    add(folder, "0001.a", "create table a (id integer);")

    assert migrate.migrate(empty_url, folder=folder) == ["0001.a"]


def test_session_settings_of_a_migration_do_not_affect_the_next(empty_url, folder):
    add(folder, "0001.a", "create schema other; set search_path = other; set lock_timeout = 0;")
    add(folder, "0002.b", "create table b as select current_setting('lock_timeout') as lock_timeout;")

    migrate.migrate(empty_url, folder=folder, lock_timeout=7)

    assert rows(empty_url, "select lock_timeout from public.b") == [("7s",)]


def test_yoyo_itself_sees_the_applied_migrations(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")

    migrate.migrate(empty_url, folder=folder)
    migrate.rollback(empty_url, folder=folder)
    migrate.migrate(empty_url, folder=folder)

    assert rows(empty_url, "select migration_id from _yoyo_migration") == [("0001.a",)]
    log = rows(empty_url, "select migration_id, operation from _yoyo_log order by created_at_utc")
    assert log == [("0001.a", "apply"), ("0001.a", "rollback"), ("0001.a", "apply")]


# --- files that were edited or deleted -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [migrate.migrate, migrate.rollback])
@pytest.mark.parametrize("edited", ["0001.a.sql", "0001.a.rollback.sql"])
def test_an_applied_file_that_was_edited_is_refused(empty_url, folder, command, edited):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    migrate.migrate(empty_url, folder=folder)
    before = written(empty_url)
    add(folder, "0002.b", "create table b (id integer);", "drop table b;")
    (folder / edited).write_text("select 2;")

    with pytest.raises(migrate.MigrationEdited, match=rf"^{edited} was edited") as caught:
        command(empty_url, folder=folder)

    assert caught.value.file == folder / edited
    assert written(empty_url) == before


@pytest.mark.parametrize("command", [migrate.migrate, migrate.rollback])
def test_an_applied_file_that_was_deleted_is_refused(empty_url, folder, command):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    add(folder, "0002.b", "create table b (id integer);", "drop table b;")
    migrate.migrate(empty_url, folder=folder)
    before = written(empty_url)
    add(folder, "0003.c", "create table c (id integer);", "drop table c;")
    (folder / "0002.b.sql").unlink()
    (folder / "0002.b.rollback.sql").unlink()

    with pytest.raises(migrate.MigrationDeleted, match=r"^0002\.b\.sql was deleted") as caught:
        command(empty_url, folder=folder)

    assert caught.value.file == folder / "0002.b.sql"
    assert written(empty_url) == before


@pytest.mark.parametrize("command", [migrate.migrate, migrate.rollback, migrate.status, drift])
@pytest.mark.parametrize("last", ["0002.create-users", "0051.find-the-way-to-a-node"])
def test_a_database_from_before_the_first_release_is_refused_with_what_to_do(empty_url, folder, command, last):
    add(folder, "0001.create-types-and-functions", "create type mood as enum ('GOOD');", "drop type mood;")
    add(folder, last, "select 1;")
    migrate.migrate(empty_url, folder=folder)
    before = written(empty_url)

    with pytest.raises(migrate.MigratedBeforeRelease, match=r"before 0\.1\.0.*a new, empty database.*skilltree seed"):
        command(empty_url)

    assert written(empty_url) == before


@pytest.mark.parametrize("command", [["migrate"], ["status"], ["rollback", "--yes"], ["drift"]])
def test_every_command_refuses_a_database_from_before_the_first_release(empty_url, folder, command, monkeypatch):
    add(folder, "0001.create-types-and-functions", "create type mood as enum ('GOOD');", "drop type mood;")
    migrate.migrate(empty_url, folder=folder)
    monkeypatch.setenv("DATABASE_URL", empty_url)
    before = written(empty_url)

    result = CliRunner().invoke(app, command)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("MigratedBeforeRelease: this database was made by migrations from before 0.1.0")
    assert written(empty_url) == before


def test_no_migration_is_called_as_the_first_one_was_before_the_first_release():
    assert "0001.create-types-and-functions.sql" not in {file.name for file in migrate.folder().glob("*.sql")}


@pytest.mark.parametrize("command", [migrate.migrate, migrate.rollback])
def test_a_database_migrated_by_a_newer_version_is_reported(empty_url, folder, command):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    add(folder, "0002.b", "create table b (id integer);", "drop table b;")
    migrate.migrate(empty_url, folder=folder)
    before = written(empty_url)
    (folder / "0002.b.sql").unlink()
    (folder / "0002.b.rollback.sql").unlink()

    with pytest.raises(migrate.MigrationDeleted, match=r"0002\.b\.sql .* newer version"):
        command(empty_url, folder=folder)

    assert written(empty_url) == before


def test_a_pending_file_may_be_edited(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);")
    migrate.migrate(empty_url, folder=folder)
    add(folder, "0002.b", "create table b (id integer);")
    add(folder, "0002.b", "create table better (id integer);")

    assert migrate.migrate(empty_url, folder=folder) == ["0002.b"]


def test_other_line_endings_are_not_an_edit(empty_url, folder):
    file = add(folder, "0001.a", "create table a (\n    id integer\n);\n", "drop table\na;\n")
    migrate.migrate(empty_url, folder=folder)
    for path in (file, file.with_suffix(".rollback.sql")):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert migrate.migrate(empty_url, folder=folder) == []
    assert migrate.rollback(empty_url, folder=folder) == ["0001.a"]


# --- files that cannot be run ----------------------------------------------------------------------------------------


def test_a_migration_without_a_rollback_is_refused(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);").with_suffix(".rollback.sql").unlink()

    with pytest.raises(migrate.InvalidMigration, match=r"^0001\.a\.sql has no 0001\.a\.rollback\.sql"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == {}


def test_a_rollback_without_its_migration_is_refused(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);").unlink()

    with pytest.raises(migrate.InvalidMigration, match=r"^0001\.a\.rollback\.sql has no 0001\.a\.sql"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == {}


@pytest.mark.parametrize(
    "name", ["0002.b.py", "2.b.sql", "0002.B.sql", "0002_b.sql", "0002.b c.sql", "b.sql", "post-apply.sql", "notes.txt"]
)
def test_a_file_that_is_not_a_migration_is_refused(empty_url, folder, name):
    add(folder, "0001.a", "create table a (id integer);")
    (folder / name).write_text("select 1;")

    with pytest.raises(migrate.InvalidMigration, match=f"^{name} is not a migration"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == {}


def test_hidden_files_and_folders_are_ignored(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);")
    (folder / ".0001.a.sql.swp").write_text("x")
    (folder / "__pycache__").mkdir()

    assert migrate.migrate(empty_url, folder=folder) == ["0001.a"]


@pytest.mark.parametrize("text", ["", "\n", "-- Nothing yet.\n", "/* Nothing\nyet. */", ";"])
@pytest.mark.parametrize("name", ["0001.a.sql", "0001.a.rollback.sql"])
def test_a_file_without_a_statement_is_refused(empty_url, folder, name, text):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    (folder / name).write_text(text)

    with pytest.raises(migrate.InvalidMigration, match=f"^{name} holds no statement"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == {}


@pytest.mark.parametrize("missing", [False, True])
def test_a_folder_without_migrations_is_refused(empty_url, folder, missing):
    place = folder / "elsewhere" if missing else folder

    with pytest.raises(migrate.InvalidMigration, match="no migrations in"):
        migrate.migrate(empty_url, folder=place)

    assert written(empty_url) == {}


@pytest.mark.parametrize("name", ["0001.a.sql", "0001.a.rollback.sql"])
@pytest.mark.parametrize(
    "text", ["begin; select 1;", "select 1;\ncommit;", "select 1; ROLLBACK;", "start transaction;"]
)
def test_a_file_that_starts_or_ends_a_transaction_is_refused(empty_url, folder, name, text):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    (folder / name).write_text(text)

    with pytest.raises(migrate.InvalidMigration, match=f"^{name}, line [12]: .* must not begin or end"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == {}


def test_a_dependency_outside_the_folder_is_refused(empty_url, folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    add(other, "0001.elsewhere", "select 1;")
    migrate.status(empty_url, folder=other)
    add(folder, "0002.b", "-- depends: 0001.elsewhere\ncreate table b (id integer);")

    with pytest.raises(migrate.InvalidMigration, match=r"^0002\.b\.sql depends on"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == {}


@pytest.mark.parametrize("directive", ["depends: 0009.nowhere", "transactional: flase", "depends: 0001.a"])
def test_an_invalid_directive_is_refused(empty_url, folder, directive):
    add(folder, "0001.a", f"-- {directive}\ncreate table a (id integer);")

    with pytest.raises(migrate.InvalidMigration, match=r"0001\.a"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == {}


def test_a_directive_only_in_the_rollback_is_refused(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "-- transactional: false\ndrop table a;")

    with pytest.raises(migrate.InvalidMigration, match=r"^0001\.a\.rollback\.sql has directives"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == {}


# --- statements that fail --------------------------------------------------------------------------------------------


def test_a_failing_statement_is_named_with_file_and_line_and_its_file_is_rolled_back(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer primary key);")
    sql = (
        "-- Why.\n\ncreate table b (id integer);\n\n-- And then.\ncreate view v as\nselect\n    id,\n    nam\nfrom b;\n"
    )
    file = add(folder, "0002.b", sql)
    add(folder, "0003.c", "create table c (id integer);")

    with pytest.raises(migrate.MigrationFailed) as caught:
        migrate.migrate(empty_url, folder=folder)

    assert (caught.value.file, caught.value.line) == (file, 9)
    assert caught.value.statement == "create view v as\nselect\n    id,\n    nam\nfrom b;"
    assert str(caught.value).startswith('0002.b.sql, line 9: column "nam" does not exist\n    create view v as\n')
    assert isinstance(caught.value.__cause__, psycopg.errors.UndefinedColumn)
    assert applied(empty_url, folder) == ["0001.a"]
    assert "b" not in tables(empty_url)


def test_an_error_in_a_function_is_reported_with_its_line(empty_url, folder):
    body = "begin\n    perform '→; it''s';\n    peform 2;\nend"
    add(folder, "0001.a", f"create table a ();\ncreate function f() returns void language plpgsql as $$\n{body}\n$$;")

    with pytest.raises(migrate.MigrationFailed) as caught:
        migrate.migrate(empty_url, folder=folder)

    assert caught.value.line == 5
    assert applied(empty_url, folder) == []


def test_an_error_without_a_position_is_reported_with_the_first_line_of_its_statement(empty_url, folder):
    block = "do $$\nbegin\n    raise exception 'no' using detail = 'D', hint = 'H';\nend\n$$;"
    add(folder, "0001.a", f"create table a (id integer);\n\n-- Comment.\n{block}")

    with pytest.raises(migrate.MigrationFailed) as caught:
        migrate.migrate(empty_url, folder=folder)

    assert caught.value.line == 4
    for part in ("0001.a.sql, line 4: no\n", "\nD\nH\n", "PL/pgSQL function inline_code_block line 3"):
        assert part in str(caught.value)


def test_a_deferred_constraint_that_fails_at_commit_leaves_nothing(empty_url, folder):
    add(
        folder,
        "0001.a",
        "create table a (id integer unique, b integer references a (id) deferrable initially deferred);\n"
        "insert into a values (1, 2);",
    )

    with pytest.raises(migrate.MigrationFailed, match=r"^0001\.a\.sql, line 2: .*foreign key") as caught:
        migrate.migrate(empty_url, folder=folder)

    assert caught.value.statement == "commit"
    assert "a" not in tables(empty_url)
    assert applied(empty_url, folder) == []


def test_a_failed_rollback_leaves_the_migration_applied(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;\ndrop table missing;")
    migrate.migrate(empty_url, folder=folder)
    before = written(empty_url)

    with pytest.raises(migrate.MigrationFailed, match=r"^0001\.a\.rollback\.sql, line 2"):
        migrate.rollback(empty_url, folder=folder)

    assert written(empty_url) == before


def test_a_migration_that_cannot_be_marked_as_applied_is_not_applied(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);")
    migrate.migrate(empty_url, folder=folder)
    run(empty_url, "alter table skilltree_migrations add constraint only_a check (migration_id = '0001.a')")
    before = written(empty_url)
    add(folder, "0002.b", "create table b (id integer);")

    with pytest.raises(migrate.MigrationFailed, match="only_a"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == before


def test_two_statements_are_never_sent_as_one(empty_url, folder):
    # sqlparse takes `declare` for the start of a block, and does not split after it.
    add(folder, "0001.a", "create table a (declare integer); create table b (id integer);")

    with pytest.raises(migrate.MigrationFailed, match="multiple commands"):
        migrate.migrate(empty_url, folder=folder)

    assert applied(empty_url, folder) == []


def test_a_lock_timeout_advises_to_try_again(empty_url, folder):
    run(empty_url, "create table busy (id integer)")
    add(folder, "0001.a", "alter table busy add column name text;")

    with psycopg.connect(empty_url) as reader:
        reader.execute("select from busy")
        with pytest.raises(migrate.MigrationFailed, match=r"(?s)lock timeout.*try again when the table is less busy"):
            migrate.migrate(empty_url, folder=folder, lock_timeout=0.1)

    assert applied(empty_url, folder) == []
    assert migrate.migrate(empty_url, folder=folder) == ["0001.a"]


def test_a_broken_connection_leaves_nothing_and_names_the_statement(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);\nselect pg_terminate_backend(pg_backend_pid());")

    with pytest.raises(migrate.MigrationFailed, match=r"^0001\.a\.sql, line 2: terminating connection"):
        migrate.migrate(empty_url, folder=folder)

    assert "a" not in tables(empty_url)
    assert applied(empty_url, folder) == []


def test_a_statement_that_reads_from_the_client_is_refused(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);\ncopy a from stdin;")

    with pytest.raises(migrate.MigrationFailed, match=r"^0001\.a\.sql, line 2: COPY"):
        migrate.migrate(empty_url, folder=folder)

    assert "a" not in tables(empty_url)
    assert applied(empty_url, folder) == []


@pytest.mark.parametrize("directive", ["", "-- transactional: false\n"])
def test_a_statement_that_runs_too_long_is_cancelled(empty_url, folder, directive):
    add(folder, "0001.a", f"{directive}select pg_sleep(60);")

    with pytest.raises(migrate.MigrationFailed, match="statement timeout"):
        migrate.migrate(empty_url, folder=folder, statement_timeout=0.1)

    assert applied(empty_url, folder) == []


# --- what cannot run in a transaction --------------------------------------------------------------------------------


def test_a_file_that_is_not_transactional_runs_outside_a_transaction(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);", "drop table a;")
    add(
        folder,
        "0002.i",
        "-- transactional: false\ncreate index concurrently i on a (id);",
        "drop index concurrently i;",
    )

    migrate.migrate(empty_url, folder=folder)
    with_index = migrate.fingerprint(empty_url)
    migrate.rollback(empty_url, folder=folder)

    assert "index public.i" in with_index
    assert "index public.i" not in migrate.fingerprint(empty_url)
    assert applied(empty_url, folder) == ["0001.a"]


@pytest.mark.parametrize("name", ["0002.i.sql", "0002.i.rollback.sql"])
def test_a_file_that_is_not_transactional_may_contain_one_statement_only(empty_url, folder, name):
    add(folder, "0001.a", "create table a (id integer);")
    add(folder, "0002.i", "-- transactional: false\ncreate index concurrently i on a (id);", "drop index i;")
    (folder / name).write_text("-- transactional: false\nselect 1;\nselect 2;\n")

    with pytest.raises(migrate.InvalidMigration, match=f"^{name} is not transactional but holds more"):
        migrate.migrate(empty_url, folder=folder)

    assert written(empty_url) == {}


def test_a_failure_outside_a_transaction_drops_no_earlier_object(empty_url, folder):
    run(empty_url, "create table a (id integer, name text)")
    run(empty_url, "create index i on a (name)")
    add(folder, "0001.i", "-- transactional: false\ncreate index concurrently i on a (id);", "drop index i;")

    with pytest.raises(migrate.MigrationFailed, match=r"(?s)already exists.*outside a transaction"):
        migrate.migrate(empty_url, folder=folder)

    assert "(name)" in migrate.fingerprint(empty_url)["index public.i"]
    assert applied(empty_url, folder) == []


# --- several processes -----------------------------------------------------------------------------------------------


def test_concurrent_processes_apply_each_migration_once_and_all_succeed(empty_url, folder):
    four_sessions = """
        do $$
        begin
            while (select count(*) < 4 from pg_stat_activity where datname = current_database()) loop
                perform pg_sleep(0.1), pg_stat_clear_snapshot();
            end loop;
        end
        $$;
    """
    add(folder, "0001.a", f"create table a (id integer); {four_sessions} select pg_sleep(1);")
    # This statement waits for all running statements. A process that waits for its turn must not run one.
    add(folder, "0002.i", "-- transactional: false\ncreate index concurrently i on a (id);", "drop index i;")
    add(folder, "0003.b", "create table b (id integer);")

    with (
        process(empty_url, folder) as first,
        process(empty_url, folder) as second,
        process(empty_url, folder) as third,
        process(empty_url, folder) as fourth,
    ):
        outputs = [started.communicate(timeout=60)[0] for started in (first, second, third, fourth)]

    assert [started.returncode for started in (first, second, third, fourth)] == [0, 0, 0, 0]
    assert sorted(" ".join(outputs).split()) == ["0001.a", "0002.i", "0003.b"]
    assert rows(empty_url, "select count(*) from _yoyo_log") == [(3,)]


def test_a_killed_process_leaves_nothing_and_the_next_one_migrates(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);")
    add(folder, "0002.b", "create table b (id integer); select pg_sleep(300);")
    with process(empty_url, folder) as started:
        wait_until(lambda: sleeping_sessions(empty_url))
        started.send_signal(signal.SIGKILL)
    add(folder, "0002.b", "create table b (id integer);")

    result = migrate.migrate(empty_url, folder=folder, wait=30)

    assert result == ["0002.b"]
    assert not sleeping_sessions(empty_url)


def test_a_process_that_times_out_names_the_process_that_migrates(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer); select pg_sleep(300);")
    with process(empty_url, folder):
        wait_until(lambda: sleeping_sessions(empty_url))
        ((pid,),) = sleeping_sessions(empty_url)

        with pytest.raises(migrate.MigrationLocked, match=f"server process {pid} ") as caught:
            migrate.migrate(empty_url, folder=folder, wait=0.2)
        before = migrate.status(empty_url, folder=folder)

    assert caught.value.pid == pid
    assert [migration.applied_at for migration in before] == [None]


def test_a_lock_left_by_yoyo_is_cleared(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);")
    run(
        empty_url,
        "create table yoyo_lock (locked integer primary key default 1, ctime timestamp, pid integer not null)",
    )
    run(empty_url, "insert into yoyo_lock (ctime, pid) values (now(), 1)")

    assert migrate.migrate(empty_url, folder=folder, wait=0) == ["0001.a"]
    assert rows(empty_url, "select from yoyo_lock") == []


# --- status and rights -----------------------------------------------------------------------------------------------


def test_status_shows_pending_edited_and_deleted_migrations(empty_url, folder):
    for name in ("a", "b", "c"):
        add(folder, f"000{ord(name) - 96}.{name}", f"create table {name} (id integer);")
    migrate.migrate(empty_url, folder=folder)
    (folder / "0002.b.rollback.sql").write_text("select 2;")
    (folder / "0003.c.sql").unlink()
    (folder / "0003.c.rollback.sql").unlink()
    add(folder, "0004.d", "create table d (id integer);")

    result = migrate.status(empty_url, folder=folder)

    assert [(found.id, found.applied_at is not None, found.problem) for found in result] == [
        ("0001.a", True, None),
        ("0002.b", True, "edited"),
        ("0004.d", False, None),
        ("0003.c", True, "deleted"),
    ]


def test_status_of_a_read_only_empty_database_writes_nothing(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);")
    url = make_conninfo(empty_url, options="-c default_transaction_read_only=on")

    result = migrate.status(url, folder=folder)

    assert result == [migrate.MigrationStatus("0001.a", None, None)]
    assert tables(empty_url) == []


def test_status_and_an_up_to_date_migrate_need_only_read_privileges(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);")
    migrate.migrate(empty_url, folder=folder)
    before = written(empty_url)

    with role(empty_url, "select on all tables in schema public") as url:
        status = migrate.status(url, folder=folder)
        result = migrate.migrate(url, folder=folder)

    assert [(found.id, found.problem) for found in status] == [("0001.a", None)]
    assert result == []
    assert written(empty_url) == before


def test_migrating_without_the_privilege_to_create_is_refused(empty_url, folder):
    add(folder, "0001.a", "create table a (id integer);")

    with role(empty_url) as url, pytest.raises(errors.UnfitDatabase, match="grant create on schema public"):
        migrate.migrate(url, folder=folder)

    assert written(empty_url) == {}


@pytest.mark.parametrize("command", [migrate.migrate, migrate.rollback, migrate.status])
@pytest.mark.parametrize("wrong", [{"host": "/nowhere"}, {"dbname": "mig_nowhere"}])
def test_an_unreachable_server_or_database_is_reported(empty_url, command, wrong):
    with pytest.raises(errors.ServerUnavailable):
        command(make_conninfo(empty_url, **wrong))


# --- fingerprints ----------------------------------------------------------------------------------------------------


def test_a_new_database_has_an_empty_fingerprint(empty_url):
    assert migrate.fingerprint(empty_url) == {}


def test_a_fingerprint_ignores_dropped_columns_creation_order_data_and_settings(empty_url):
    a, b = "create table a (id integer primary key)", "create table b (at timestamptz default '2000-01-01 00:00+00')"
    reference = "alter table b add a_id integer references a (id)"
    run(empty_url, f"{a}; {b}; {reference}")
    first = migrate.fingerprint(empty_url)
    run(empty_url, f"drop table a, b; {b}; {a}; alter table b add gone text; {reference}; alter table b drop gone")
    run(empty_url, "insert into a values (1); grant select on a to public; revoke select on a from public")

    settings = "-c timezone=Asia/Tokyo -c datestyle=german -c search_path=pg_catalog -c quote_all_identifiers=on"
    second = migrate.fingerprint(make_conninfo(empty_url, options=settings))

    assert second == first


@pytest.mark.parametrize(
    "change",
    [
        "alter table a add column more text",
        "alter table a alter column name set default 'x'",
        "alter table a alter column name set not null",
        "alter table a alter column name type varchar(10)",
        "alter table a alter column name set storage external",
        "alter table a alter column twice drop expression",
        "alter table a set (fillfactor = 50)",
        "alter table a set (toast.autovacuum_enabled = off)",
        "alter table a enable row level security",
        "alter table a force row level security",
        "alter table a replica identity full",
        "alter table a drop constraint positive",
        "alter table a rename constraint positive to above_zero",
        "alter table a disable trigger t",
        "alter index i rename to j",
        "create index k on a (id) where id > 1",
        "create policy more on a using (true)",
        "alter policy p on a to current_user",
        "create rule r as on delete to a do instead nothing",
        "create or replace function f() returns trigger language plpgsql as 'begin return old; end'",
        "alter function f() security definer",
        "revoke execute on function f() from public",
        "alter type e add value 'z'",
        "alter domain d add check (value > 1)",
        "create type pair as (x integer, y integer)",
        "alter sequence s increment 2",
        "alter sequence s owned by a.id",
        "create or replace view v as select 2 as id",
        "create materialized view w as select 1 as id",
        "create statistics st on id, name from a",
        "create collation c from \"C\"",
        "create aggregate total (integer) (sfunc = int4pl, stype = integer)",
        "create schema other",
        "grant usage on schema public to pg_monitor",
        "revoke usage on schema public from public",
        "grant select on a to pg_monitor",
        "grant select (name) on a to pg_monitor",
        "grant usage on sequence s to pg_monitor",
        "alter default privileges grant select on tables to pg_monitor",
        "comment on table a is 'x'",
        "comment on column a.name is 'x'",
        "comment on function f() is 'x'",
        "comment on constraint positive on a is 'x'",
    ],
)  # fmt: skip
def test_a_fingerprint_changes_with_every_change(empty_url, change):
    for statement in (
        "create type e as enum ('x', 'y')",
        "create domain d as integer",
        "create sequence s",
        "create table a (id integer, name text, twice integer generated always as (id * 2) stored)",
        "alter table a add constraint positive check (id > 0)",
        "create index i on a (name)",
        "create function f() returns trigger language plpgsql as 'begin return new; end'",
        "create trigger t before insert on a for each row execute function f()",
        "create policy p on a using (id > 0)",
        "create view v as select 1 as id",
    ):
        run(empty_url, statement)
    before = migrate.fingerprint(empty_url)

    run(empty_url, change)

    assert migrate.fingerprint(empty_url) != before


def test_a_fingerprint_omits_objects_of_extensions(empty_url):
    found = "select name from pg_available_extensions where name in ('vector', 'pg_trgm') order by name"
    ((extension,), *_) = rows(empty_url, found)

    run(empty_url, f"create extension {extension}")

    assert migrate.fingerprint(empty_url) == {}


# --- our own migrations ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", OUR_FILES, ids=lambda file: file.name)
def test_a_file_is_split_like_postgresql_splits_it(file):
    result = [statement.text.rstrip(";").rstrip() for statement in migrate.statements(file)]

    assert result == [statement.strip() for statement in pglast.split(file.read_text())]


@pytest.mark.parametrize("file", OUR_FILES, ids=lambda file: file.name)
def test_a_statement_starts_in_its_reported_line(file):
    lines = file.read_text().splitlines()

    for statement in migrate.statements(file):
        assert lines[statement.line - 1] == statement.text.splitlines()[0]


def test_the_template_has_every_migration(migrated_url):
    assert [(found.id, found.problem) for found in migrate.status(migrated_url)] == [(name, None) for name in OUR_IDS]
