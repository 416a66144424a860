"""How commands behave: before they delete data, in narrow terminals, on wrong usage, when interrupted."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

import skilltree
from skilltree import Database, embedded, migrate, seed
from skilltree.cli import app, terminal
from skilltree.errors import EmbeddedDataUnplaced, EmbeddedServerFailed

Run = Callable[..., Result]
PROGRAM = Path(sys.executable).parent / "skilltree"


@pytest.fixture
def run(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


def curriculum(*skills: dict[str, object], **fields: object) -> str:
    tree = {"slug": "a", "name": "A", "category": "Web", "skills": list(skills)} | fields
    return json.dumps({"trees": [tree]})


def written(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("select count(*) from skill_trees union all select count(*) from users").fetchall()


# --- output ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["[/b] 1", "a[i]", "[red]x[/red]", "\x1b[31mred", ":boom:"])
def test_a_fault_is_printed_with_its_exact_key(run: Run, tmp_path: Path, key: str) -> None:
    file = tmp_path / "curriculum.json"
    file.write_text(curriculum({"key": key, "name": "x", "dependencies": [key]}))

    result = run("import", str(file))

    assert result.exit_code == 1
    assert f"dependency cycle: {key} → {key}".replace("\x1b", "␛") in result.output.replace("\n", " ")
    assert "\x1b" not in result.output


def test_names_that_look_like_markup_are_drawn_unchanged(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "curriculum.json"
    file.write_text(curriculum({"key": "a", "name": "[/b] \x1b[2J"}, name="[bold]Tree[/bold]"))
    assert run("import", str(file)).exit_code == 0

    shown = run("show", "a")

    assert "[/b] ␛[2J" in shown.output
    assert "[bold]Tree[/bold], 1 skills" in shown.output


def test_an_error_is_json_with_the_option_json(run: Run) -> None:
    failed = run("import", "--json", os.devnull)
    misused = run("rollback", "--json", "--count", "x")

    assert (failed.exit_code, json.loads(failed.stdout)["error"]["type"]) == (1, "InvalidCurriculum")
    assert (misused.exit_code, json.loads(misused.stdout)["error"]["type"]) == (2, "Misuse")


@pytest.mark.parametrize("columns", ["36", "44", "50"])
def test_a_narrow_terminal_keeps_the_important_columns(
    empty_url: str, run: Run, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_url)
    monkeypatch.setattr(terminal.out, "_width", int(columns))

    result = run("status")

    lines = result.output.splitlines()
    assert result.exit_code == 1
    assert "0001.create-types" in lines
    assert lines.count("  problem pending") == len(list(migrate.folder().glob("*.rollback.sql")))
    assert all(len(line) <= int(columns) or " " not in line.strip() for line in lines)


def test_the_version_is_that_of_the_package(run: Run) -> None:
    assert run("--version").output == f"skilltree {skilltree.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("mirgate",), "migrate"),
        (("sql", "trees/laod"), "trees/load"),
        (("show", "frontend-web-developmnt"), "frontend-web-development"),
        (("export", "frontend-web-developmnt"), "frontend-web-development"),
    ],
)
def test_similar_names_are_suggested(run: Run, migrated_url: str, arguments: tuple[str, ...], meant: str) -> None:
    with Database(migrated_url) as db:
        list(seed.seed(db, test_user=False))

    result = run(*arguments)

    assert result.exit_code in {1, 2}
    assert "did you mean" in result.output.lower()
    assert meant in result.output


def test_a_closed_pipe_causes_no_traceback(migrated_url: str) -> None:
    environment = os.environ | {"DATABASE_URL": migrated_url}
    command = f"'{PROGRAM}' status --json | head -n 1"

    done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("[\n", "")


def test_an_interrupted_command_says_so_and_shows_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(migrate, "status", interrupted)

    result = run("status")

    assert (result.exit_code, result.output.strip()) == (130, "interrupted")


# --- deleting data, and demo data ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["rollback"], ["rollback", "--all"], ["reset", "--demo-data"]])
def test_nothing_is_deleted_where_nobody_can_confirm(run: Run, migrated_url: str, command: list[str]) -> None:
    refused = run(*command)

    assert refused.exit_code == 1
    assert "Declined" in refused.output
    assert "--yes" in refused.output
    assert all(each.applied_at for each in migrate.status(migrated_url))


@pytest.mark.parametrize("command", [["seed"], ["demo"], ["reset", "--yes"], ["dataset"]])
def test_demo_data_is_refused_on_a_server_that_is_not_embedded(run: Run, migrated_url: str, command: list[str]) -> None:
    before = written(migrated_url)

    refused = run(*command)

    assert refused.exit_code == 1
    assert "NotEmbedded" in refused.output
    assert "--demo-data" in refused.output
    assert written(migrated_url) == before


def test_seed_without_demo_data_creates_no_user_with_a_public_password(run: Run, migrated_url: str) -> None:
    done = run("seed", "--no-demo-data", "--json")

    assert {row["kind"] for row in json.loads(done.stdout)} == {"category", "tree", "achievement"}
    with Database(migrated_url) as db:
        assert db.users.find_by_email(seed.TEST_EMAIL) is None


def test_two_concurrent_demos_on_an_empty_server_wait_for_each_other(empty_url: str) -> None:
    environment = os.environ | {"DATABASE_URL": empty_url}
    running = [
        subprocess.Popen([PROGRAM, "demo", "--demo-data"], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    outputs = [each.communicate(timeout=120)[0] for each in running]

    assert [each.returncode for each in running] == [0, 0]
    assert outputs[0] == outputs[1]


# --- the embedded server ---------------------------------------------------------------------------------------------


def test_embedded_data_is_in_the_given_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKILLTREE_DATA", raising=False)
    here = tmp_path / "deep" / "below"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    checkout = Path(embedded.__file__).parents[2] / ".skilltree"

    of_the_checkout = embedded.home()
    (tmp_path / ".skilltree" / "pg18").mkdir(parents=True)
    above = embedded.home()
    monkeypatch.setenv("SKILLTREE_DATA", str(tmp_path / "chosen"))
    chosen = embedded.home()

    assert (of_the_checkout, above, chosen) == (checkout, tmp_path / ".skilltree", tmp_path / "chosen")


def test_an_installed_package_creates_no_data_folder_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SKILLTREE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(embedded, "__file__", str(tmp_path / "lib" / "python" / "skilltree" / "embedded.py"))

    with pytest.raises(EmbeddedDataUnplaced, match="DATABASE_URL"):
        embedded.start()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a folder with spaces", "naïve 'quotes'", "x" * 120], ids=["space", "odd", "long"])
def test_the_embedded_server_starts_in_any_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    try:
        with psycopg.connect(embedded.start(folder=folder)) as connection:
            row = connection.execute("select current_setting('data_directory')").fetchone()
    finally:
        embedded.stop(folder=folder)

    assert row == (str(folder / "pg18"),)


def test_a_folder_that_a_shell_would_expand_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServerFailed, match="HOME"):
        embedded.start(folder=tmp_path / "$HOME")

    assert list(tmp_path.iterdir()) == []


# --- plans -----------------------------------------------------------------------------------------------------------


def test_after_the_demo_every_query_has_a_plan_with_rows(run: Run) -> None:
    assert run("demo", "--demo-data").exit_code == 0

    explained = run("explain", "all")

    assert explained.exit_code == 0
    assert "found no row" not in explained.output
    assert "no sample for" not in explained.output


def test_a_query_that_cannot_be_explained_is_named_and_the_others_are_shown(run: Run) -> None:
    result = run("explain", "trees/import_tree", "trees/list")

    assert result.exit_code == 1
    assert "trees/import_tree: " in result.output
    assert "trees/list as " in result.output


def test_a_query_that_fails_without_data_says_which_samples_were_not_found(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)

    result = run("explain", "trees/create")

    assert result.exit_code == 1
    assert "no sample was found for category_id: write one (@sample), or give --set" in result.output


def test_a_plan_for_a_parameter_without_a_sample_says_that_it_is_for_null(
    run: Run, migrated_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.skilltree]\nqueries = "queries"\n')
    (tmp_path / "queries" / "levels").mkdir(parents=True)
    (tmp_path / "queries" / "levels" / "of.sql").write_text(
        "-- The level of some XP.\nselect max(level) as level from levels where min_xp <= %(xp)s;\n"
    )

    assert "levels/of: no sample for xp, so that this plan is for null" in run("explain", "levels/of").output
    assert "no sample for" not in run("explain", "levels/of", "--set", "xp=100").output


# --- as the application's login role ---------------------------------------------------------------------------------


def test_commands_with_the_applications_url_work_as_the_service(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", make_conninfo(migrated_url, user="skilltree_app"))
    file = tmp_path / "curriculum.json"
    file.write_text(curriculum({"key": "a", "name": "Draft of a skill"}))

    for command in (
        ["seed", "--demo-data"],
        ["import", "--dry-run", str(file)],
        ["import", str(file)],
        ["import", "--dry-run", str(file)],
        ["export", "a"],
        ["show", "a"],
        ["show", "practical-postgresql", "--learner", seed.TEST_EMAIL],
        ["export-learner", seed.TEST_EMAIL],
        ["audit"],
        ["doctor"],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, (command, result.output)
    mistyped = CliRunner().invoke(app, ["show", "practical-postgresqk"])

    assert "did you mean practical-postgresql" in mistyped.output
    assert written(migrated_url) == [(3,), (1,)]
    with psycopg.connect(migrated_url) as connection:
        noted = connection.execute("select distinct role_name from audit_log where table_name = 'skill_trees'")
        assert noted.fetchall() == [("app_service",)]


def test_commands_of_a_login_role_without_app_service_are_refused(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "curriculum.json"
    file.write_text(curriculum({"key": "a", "name": "A"}))
    with psycopg.connect(migrated_url, autocommit=True) as connection:
        connection.execute("create role only_learners login; grant app_user to only_learners")
        connection.execute("alter role only_learners set role = app_user")
    try:
        monkeypatch.setenv("DATABASE_URL", make_conninfo(migrated_url, user="only_learners"))
        for command in (["import", str(file)], ["export", "a"], ["show", "a"], ["seed", "--demo-data"]):
            result = CliRunner().invoke(app, command)
            assert (result.exit_code, "PermissionDenied" in result.output) == (1, True), (command, result.output)
    finally:
        with psycopg.connect(migrated_url, autocommit=True) as connection:
            connection.execute("drop role only_learners")

    assert written(migrated_url) == [(0,), (0,)]
