"""The pytest plugin, in projects that pytest runs in another process."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql
from pytest_postgresql.executors import NoopExecutor

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)

# pytest-asyncio warns if it is unset.
CONFIGURATION = """
[pytest]
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""

# Notes the test's database.
NOTES = """
import pathlib, psycopg, pytest

@pytest.fixture(autouse=True)
def note(skilltree_owner_url):
    with psycopg.connect(skilltree_owner_url) as connection:
        pathlib.Path(connection.info.dbname).touch()
"""


@pytest.fixture
def server(template: NoopExecutor) -> str:
    return f"host={template.host} port={template.port} user={template.user} dbname=postgres"


@pytest.fixture
def project(pytester: pytest.Pytester, server: str, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project whose tests use the server of these tests."""
    monkeypatch.setenv("SKILLTREE_TEST_URL", server)
    pytester.makefile(".ini", pytest=CONFIGURATION)
    pytester.makeconftest(NOTES)
    return pytester


@pytest.fixture
def databases(server: str) -> Callable[[], set[str]]:
    def ask() -> set[str]:
        with psycopg.connect(server) as connection:
            return {name for (name,) in connection.execute("select datname from pg_database")}

    return ask


def noted(project: pytest.Pytester) -> set[str]:
    return {path.name for path in project.path.glob("skilltree_test_*")}


def test_each_test_has_a_database_of_its_own_as_the_application(
    project: pytest.Pytester, databases: Callable[[], set[str]]
) -> None:
    project.makepyfile(
        """
        import pytest
        from skilltree.errors import ScopeMissing

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(skilltree_db, skilltree_factory, time):
            assert skilltree_db.trees.list().items == ()
            skilltree_factory.tree(slug="web")
            ada = skilltree_factory.learner()
            with pytest.raises(ScopeMissing):
                skilltree_db.progress.dashboard(ada.id)
        """
    )

    project.runpytest_subprocess().assert_outcomes(passed=2)

    assert len(noted(project)) == 2
    assert noted(project) & databases() == set()


def test_a_failed_test_with_an_open_connection_leaves_nothing_behind(
    project: pytest.Pytester, databases: Callable[[], set[str]]
) -> None:
    project.makepyfile(
        """
        import psycopg

        left = []

        def test_it(skilltree_owner_url):
            left.append(psycopg.connect(skilltree_owner_url))
            raise RuntimeError("on purpose")

        def test_another(skilltree_db):
            assert skilltree_db.trees.list().items == ()
            left[0].close()
        """
    )

    project.runpytest_subprocess().assert_outcomes(passed=1, failed=1)

    assert len(noted(project)) == 2
    assert noted(project) & databases() == set()


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_async_tests_run_in_both_modes_of_pytest_asyncio(project: pytest.Pytester, mode: str) -> None:
    project.makepyfile(EXAMPLES[1])

    project.runpytest_subprocess(f"--asyncio-mode={mode}").assert_outcomes(passed=1)


def test_processes_of_xdist_do_not_meet(project: pytest.Pytester, databases: Callable[[], set[str]]) -> None:
    project.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("time", range(6))
        def test_it(skilltree_factory, time):
            skilltree_factory.learner(username="ada", completed=skilltree_factory.tree(slug="web").skills)
        """
    )

    project.runpytest_subprocess("-n", "2").assert_outcomes(passed=6)

    assert len(noted(project)) == 6
    assert noted(project) & databases() == set()


def test_the_template_can_be_prepared(project: pytest.Pytester) -> None:
    project.makeconftest(EXAMPLES[3])
    project.makepyfile(
        """
        import psycopg

        def test_it(skilltree_owner_url):
            with psycopg.connect(skilltree_owner_url) as connection:
                assert connection.execute("select from courses").fetchall() == []
        """
    )

    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_projects_own_migrations_are_in_the_template(project: pytest.Pytester) -> None:
    project.makepyprojecttoml('[tool.skilltree]\nmigrations = "migrations"')
    folder = project.mkdir("migrations")
    (folder / "0001.create-courses.sql").write_text("create table courses (id uuid primary key);")
    (folder / "0001.create-courses.rollback.sql").write_text("drop table courses;")
    project.makepyfile(
        """
        import psycopg

        def test_it(skilltree_owner_url):
            with psycopg.connect(skilltree_owner_url) as connection:
                assert connection.execute("select from courses").fetchall() == []
        """
    )

    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_only_abandoned_databases_of_the_plugin_are_dropped(
    project: pytest.Pytester, server: str, databases: Callable[[], set[str]]
) -> None:
    abandoned, used, other = "skilltree_test_00000000000a_7", "skilltree_test_00000000000b", "skilltree_test_mine"
    project.makepyfile("def test_it(skilltree_db): pass")
    with (
        psycopg.connect(server, autocommit=True) as connection,
        psycopg.connect(server, application_name=used),
    ):
        for name in (abandoned, used, other):
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

        project.runpytest_subprocess().assert_outcomes(passed=1)

        assert {abandoned, used, other} & databases() == {used, other}
        for name in (used, other):
            connection.execute(sql.SQL("drop database {}").format(sql.Identifier(name)))


def test_a_run_that_uses_no_fixture_starts_nothing(pytester: pytest.Pytester) -> None:
    pytester.makefile(".ini", pytest=CONFIGURATION)
    pytester.makepyfile("def test_it(): pass")

    # It would fail if anything connected.
    pytester.runpytest_subprocess("--skilltree-url=host=/nowhere").assert_outcomes(passed=1)


def test_the_example_runs_as_written_on_a_server_in_a_folder_with_a_space(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = pytester.mkdir("a folder")
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.delenv("SKILLTREE_TEST_URL", raising=False)
    pytester.makefile(".ini", pytest=CONFIGURATION)
    pytester.makepyfile(test_courses=EXAMPLES[0], test_async=EXAMPLES[1])

    pytester.runpytest_subprocess().assert_outcomes(passed=4)

    assert [*temporary.glob("skilltree-*")] == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_server_behind(tmp_path: Path, end: signal.Signals) -> None:
    note = tmp_path / "note"
    (tmp_path / "test_it.py").write_text(
        "import os, pathlib, psycopg, time\n"
        "def test_it(skilltree_owner_url, skilltree_db):\n"
        "    with psycopg.connect(skilltree_owner_url) as connection:\n"
        "        folder, = connection.execute('show data_directory').fetchone()\n"
        f"    pathlib.Path({str(note)!r} + '.new').write_text(folder)\n"
        f"    os.rename({str(note)!r} + '.new', {str(note)!r})\n"
        "    time.sleep(60)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "SKILLTREE_TEST_URL"}
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    wait_until(note.exists)
    folder = Path(note.read_text())
    pid = int((folder / "postmaster.pid").read_text().splitlines()[0])

    run.send_signal(end)
    run.wait(timeout=30)

    wait_until(lambda: not folder.parent.exists() and not psutil.pid_exists(pid))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
