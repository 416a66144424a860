"""Two histories in one database: SkillTree's migrations and the application's. Small folders stand for both."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors as postgres
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from skilltree import Database, embedded, errors, migrate, migration_gate, project
from skilltree.cli import app
from skilltree.migrate import lint
from skilltree.testing import Factory

DOCS = (Path(__file__).parents[1] / "docs" / "own-schema.md").read_text(encoding="utf-8")
# The example of the docs: file name -> text.
EXAMPLE = dict(re.findall(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)```$", DOCS, re.DOTALL | re.MULTILINE))


def add(folder: Path, name: str, sql: str, rollback: str = "select 1;") -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.sql").write_text(sql)
    (folder / f"{name}.rollback.sql").write_text(rollback)


def remove(folder: Path, name: str) -> None:
    for end in (".sql", ".rollback.sql"):
        (folder / f"{name}{end}").unlink()


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement).fetchall()


@dataclass
class Histories:
    """A folder for each history, and functions that work on both."""

    url: str
    ours: Path
    own: Path

    def __post_init__(self) -> None:
        both: dict[str, Any] = {"folder": self.ours, "application": self.own}
        self.migrate = partial(migrate.migrate, self.url, **both)
        self.rollback = partial(migrate.rollback, self.url, **both)
        self.status = partial(migrate.status, self.url, **both)

    def applied(self) -> list[tuple[str, str]]:
        return [(each.history, each.id) for each in self.status() if each.applied_at]

    def written(self) -> object:
        """Return the schema, and what both histories say about it."""
        logs = [rows(self.url, f"select * from {name}") for (name,) in rows(self.url, LOGS)]
        return migrate.fingerprint(self.url), logs


LOGS = "select relname from pg_class where relname ~ '^_yoyo_.*(migration|log)$' order by relname"


@pytest.fixture
def both(empty_url: str, tmp_path: Path) -> Histories:
    """An empty database, and a migration of each history. Both have the same id."""
    histories = Histories(empty_url, tmp_path / "ours", tmp_path / "own")
    add(histories.ours, "0001.create-types", "create table a (id integer primary key);", "drop table a;")
    own = "create table b (a_id integer references a (id));"
    add(histories.own, "0001.create-types", own, "drop table b;")
    return histories


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example of the docs, as the current folder."""
    for name, text in EXAMPLE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- order -----------------------------------------------------------------------------------------------------------


def test_ours_are_applied_first_and_equal_ids_do_not_collide(both):
    add(both.ours, "0002.more", "create table c (id integer);", "drop table c;")

    first, second = both.migrate(), both.migrate()

    assert [(each.history, each) for each in first] == both.applied()
    assert both.applied() == [
        ("skilltree", "0001.create-types"),
        ("skilltree", "0002.more"),
        ("application", "0001.create-types"),
    ]
    assert second == []
    assert rows(both.url, "select count(*) from _yoyo_log") == [(2,)]
    assert rows(both.url, "select migration_id, operation from _yoyo_application_log") == [
        ("0001.create-types", "apply")
    ]


def test_without_the_applications_folder_only_ours_are_applied(both):
    result = migrate.migrate(both.url, folder=both.ours)

    assert result == ["0001.create-types"]
    assert both.applied() == [("skilltree", "0001.create-types")]
    assert rows(both.url, "select to_regclass('_yoyo_application_log')") == [(None,)]


def test_the_latest_of_both_is_rolled_back_first(both):
    both.migrate()
    add(both.ours, "0002.upgrade", "create table c (id integer);", "drop table c;")
    add(both.own, "0002.later", "create table d (id integer);", "drop table d;")
    migrate.migrate(both.url, folder=both.ours)
    both.migrate()
    told: list[tuple[str, str]] = []

    undone = both.rollback(count=None, applied=lambda each: told.append((each.history, each)))

    assert told == [(each.history, each) for each in undone]
    assert told == [
        ("application", "0002.later"),
        ("skilltree", "0002.upgrade"),
        ("application", "0001.create-types"),
        ("skilltree", "0001.create-types"),
    ]
    assert migrate.fingerprint(both.url) == {}


def test_only_the_applications_migrations_can_be_rolled_back(both):
    both.migrate()
    add(both.ours, "0002.upgrade", "create table c (id integer);", "drop table c;")
    both.migrate()

    undone = both.rollback(count=None, only_application=True)

    assert [(each.history, each) for each in undone] == [("application", "0001.create-types")]
    assert both.applied() == [("skilltree", "0001.create-types"), ("skilltree", "0002.upgrade")]


def test_ours_are_not_rolled_back_below_the_applications(both):
    add(both.own, "0002.more", "create table c (id integer);", "drop table c;")
    both.migrate()
    before = both.written()

    with pytest.raises(migrate.ApplicationMigrationsApplied, match=r"roll back 0002\.more, 0001\.create-types first"):
        migrate.rollback(both.url, folder=both.ours)

    assert both.written() == before
    both.rollback(count=2)
    assert migrate.rollback(both.url, folder=both.ours) == ["0001.create-types"]


def test_an_upgrade_of_ours_can_be_rolled_back_without_the_applications_tables(both):
    both.migrate()
    add(both.ours, "0002.upgrade", "create table c (id integer);", "drop table c;")
    migrate.migrate(both.url, folder=both.ours)

    assert migrate.rollback(both.url, folder=both.ours) == ["0002.upgrade"]
    assert both.applied() == [("skilltree", "0001.create-types"), ("application", "0001.create-types")]


def test_rolling_back_only_the_applications_needs_its_folder(both):
    both.migrate()
    before = both.written()

    with pytest.raises(errors.InvalidValue, match="needs the folder"):
        migrate.rollback(both.url, folder=both.ours, only_application=True)

    assert both.written() == before


# --- versions and files ----------------------------------------------------------------------------------------------


def test_an_older_skilltree_and_an_older_application_are_told_apart(both):
    add(both.ours, "0002.more", "create table c (id integer);", "drop table c;")
    add(both.own, "0002.more", "create table d (id integer);", "drop table d;")
    both.migrate()
    before = both.written()

    remove(both.own, "0002.more")
    with pytest.raises(migrate.MigrationDeleted, match="newer version of the application") as older_application:
        both.migrate()
    remove(both.ours, "0002.more")
    with pytest.raises(migrate.MigrationDeleted, match=r"newer version of SkillTree .*: upgrade skilltree") as older:
        both.rollback()

    assert [(each.value.history, each.value.newer) for each in (older_application, older)] == [
        ("application", True),
        ("skilltree", True),
    ]
    assert [(each.history, each.id, each.problem) for each in both.status()] == [
        ("skilltree", "0001.create-types", None),
        ("skilltree", "0002.more", "newer"),
        ("application", "0001.create-types", None),
        ("application", "0002.more", "newer"),
    ]
    assert both.written() == before


@pytest.mark.parametrize("history", ["ours", "own"])
def test_edited_files_of_both_histories_are_refused_before_anything_is_run(both, history):
    both.migrate()
    add(both.ours, "0002.more", "create table c (id integer);")
    before = both.written()
    (getattr(both, history) / "0001.create-types.sql").write_text("select 2;")

    with pytest.raises(migrate.MigrationEdited) as caught:
        both.migrate()

    assert str(caught.value).startswith("the application's 0001.create-types.sql" if history == "own" else "0001.")
    assert [each.problem for each in both.status()].count("edited") == 1
    assert both.written() == before


def test_a_faulty_file_of_the_application_keeps_ours_from_being_applied(both):
    (both.own / "0002.more.sql").write_text("select 1;")

    with pytest.raises(migrate.InvalidMigration, match=r"^in the application's migrations: 0002\.more\.sql has no"):
        both.migrate()

    assert both.written() == ({}, [])


def test_a_failure_between_both_is_continued_by_the_next_run(both):
    add(both.own, "0001.create-types", "create table a (id integer);")

    with pytest.raises(migrate.MigrationFailed, match=r'^the application\'s 0001.*relation "a" already exists'):
        both.migrate()
    after_failure = both.applied()
    add(both.own, "0001.create-types", "create table b (id integer);")

    assert after_failure == [("skilltree", "0001.create-types")]
    assert [each.history for each in both.migrate()] == ["application"]


def test_the_oldest_id_of_skilltree_means_nothing_in_the_applications_history(both):
    add(both.own, "0001.create-types-and-functions", "select 1;")
    both.migrate()
    remove(both.own, "0001.create-types-and-functions")

    with pytest.raises(migrate.MigrationDeleted, match="newer version of the application"):
        both.migrate()


def test_two_processes_apply_each_migration_of_both_once(both):
    add(both.ours, "0002.slow", "select pg_sleep(0.5);")
    code = (
        "import sys, skilltree.migrate as m; from pathlib import Path;"
        "print(*m.migrate(sys.argv[1], folder=Path(sys.argv[2]), application=Path(sys.argv[3])))"
    )
    command = [sys.executable, "-c", code, both.url, str(both.ours), str(both.own)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    outputs = [each.communicate(timeout=60)[0] for each in started]

    assert [each.returncode for each in started] == [0, 0]
    assert sorted(" ".join(outputs).split()) == ["0001.create-types", "0001.create-types", "0002.slow"]


# --- the example of the docs -----------------------------------------------------------------------------------------


@pytest.fixture
def migrated_shop(shop: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a database with the example's tables. Commands use it."""
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.setattr(embedded, "SUPPORTED_VERSIONS", ())
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        # Cloning does not copy privileges on a database.
        name = connection.info.dbname
        connection.execute(f"revoke all on database {name} from public")
        connection.execute(f"grant connect on database {name} to app_user, app_engine, app_service, skilltree_app")
        connection.execute(f"grant temporary on database {name} to app_service")
    done = CliRunner().invoke(app, ["migrate", "--json"])
    assert [(row["history"], row["migration"]) for row in json.loads(done.stdout)] == [
        ("application", "0001.create-payments")
    ]
    return migrated_url


def test_the_commands_know_both_histories(migrated_shop):
    def run(*arguments: str) -> tuple[int, Any]:
        done = CliRunner().invoke(app, [*arguments, "--json"])
        return done.exit_code, json.loads(done.stdout)

    code, states = run("status")
    assert (code, states[-1]["history"], states[-1]["problem"]) == (0, "application", None)
    assert run("lint") == (0, [])
    assert run("drift")[0] == 0
    code, undone = run("rollback", "--application", "--all", "--yes")
    assert (code, [row["history"] for row in undone]) == (0, ["application"])
    code, states = run("status")
    assert (code, states[-1]["problem"]) == (1, "pending")
    code, found = run("drift")
    assert (code, found["pending"], found["migrations"][0]["history"]) == (2, ["0001.create-payments"], "application")


def test_the_command_rollback_names_what_it_would_lose(migrated_shop):
    result = CliRunner().invoke(app, ["rollback"])

    assert result.exit_code == 1
    assert "Roll back the application's 0001.create-payments in" in result.stderr
    assert rows(migrated_shop, "select from payments") == []


def test_commands_for_own_migrations_say_where_there_are_none(tmp_path, migrated_url, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", migrated_url)

    result = CliRunner().invoke(app, ["rollback", "--application", "--yes"])

    assert (result.exit_code, result.stderr.split(":")[0]) == (1, "NoOwnMigrations")


def test_learners_of_the_example_see_their_own_payments_and_write_none(migrated_shop):
    pay = "insert into payments (user_id, skill_tree_id, cents, currency) values (%s, %s, 500, 'EUR')"
    url = make_conninfo(migrated_shop, user="skilltree_app")
    with Database(url) as db:
        factory = Factory(db)
        tree, ada, ben = factory.tree("html"), factory.learner(), factory.learner()
    with psycopg.connect(url, autocommit=True) as connection:
        with connection.transaction():
            connection.execute("select begin_as_service(null)")
            for learner in (ada, ben):
                connection.execute(pay, [learner.id, tree.id])

        with connection.transaction():
            connection.execute("select begin_as_user(%s)", [ada.id])
            seen = connection.execute("select user_id from payments").fetchall()
        with pytest.raises(postgres.InsufficientPrivilege), connection.transaction():
            connection.execute("select begin_as_user(%s, true)", [ada.id])
            connection.execute(pay, [ada.id, tree.id])

        assert seen == [(ada.id,)]
        assert connection.execute("select from payments").fetchall() == []
    assert rows(migrated_shop, "select count(*) from payments") == [(2,)]


def test_lint_covers_own_tables_and_respects_the_projects_exceptions(migrated_shop, shop):
    with psycopg.connect(migrated_shop, autocommit=True) as connection:
        connection.execute("create table currencies (code text primary key)")
    broken = json.loads(CliRunner().invoke(app, ["lint", "--json"]).stdout)
    excepted = '\n[tool.skilltree.lint.row_security_missing]\ncurrencies = "the same for all"\ngone = "no more"\n'
    (shop / "pyproject.toml").write_text((shop / "pyproject.toml").read_text() + excepted)

    [stale] = json.loads(CliRunner().invoke(app, ["lint", "--json"]).stdout)
    status = CliRunner().invoke(app, ["status"])

    assert [(each["rule"], each["object"]) for each in broken] == [("row_security_missing", "currencies")]
    assert (stale["object"], stale["remedy"]) == ("gone", "remove it from [tool.skilltree.lint] in pyproject.toml")
    assert status.exit_code == 0
    assert lint.lint(migrated_shop)[0].object == "currencies"


# --- the gate --------------------------------------------------------------------------------------------------------


def problems(url: str, **options: Any) -> list[tuple[str, str]]:
    found = project.find()
    assert found is not None
    return [(each.file, each.problem) for each in migration_gate.check(url, project=found, **options)]


def test_the_gate_walks_the_example_on_top_of_ours_and_lists_its_checksums(empty_url, shop):
    new = problems(empty_url)
    assert {problem for _, problem in new} == {"it is not in SHA256SUMS"}

    assert problems(empty_url, landing=True) == []
    listed = (shop / "migrations" / "SHA256SUMS").read_text()
    (shop / "migrations" / "0001.create-payments.sql").write_text("select 1;")

    assert [line.split()[1] for line in listed.splitlines()] == [
        "0001.create-payments.rollback.sql",
        "0001.create-payments.sql",
    ]
    assert problems(empty_url) == [("0001.create-payments.sql", "it was edited after it landed")]


def test_the_gate_finds_a_rollback_that_leaves_something_and_a_change_of_our_schema(empty_url, shop):
    reason = "-- @alters column public.users.paid: the old shop reads it\n"
    alter = "alter table users add column paid boolean;\nalter table skills add column cents integer;"
    back = "alter table users drop column paid;\nalter table skills drop column cents;"
    add(shop / "migrations", "0002.alter", reason + alter, back)
    altered = problems(empty_url, landing=True)
    add(shop / "migrations", "0002.alter", "create table courses (id integer primary key);", "select 1;")

    left_over = problems(empty_url, landing=True)

    assert altered == [("0002.alter.sql", "it alters SkillTree's schema: column public.skills.cents")]
    assert ("0002.alter.rollback.sql", "after it, table public.courses is left over") in left_over
    assert not (shop / "migrations" / "SHA256SUMS").exists()


def test_a_column_without_an_example_is_named_with_where_to_add_one(empty_url, shop):
    text = (shop / "pyproject.toml").read_text()
    (shop / "pyproject.toml").write_text(text.replace('"payments.currency"', '"payments.other"'))

    with pytest.raises(errors.MigrationError, match=r"for payments: .*\[tool\.skilltree\.examples\]"):
        problems(empty_url, landing=True)
